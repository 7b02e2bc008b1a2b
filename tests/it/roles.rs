//! `--role`: which of the gateway and the services a process serves, alone and several together.

use crate::app::{App, Combination, Process, Storage, command, make_token};
use crate::cases;
use crate::client::{Answer, Client};
use chronos::app::MODULES;
use tempfile::TempDir;

cases![
    Once:
        a_process_serves_the_roles_that_it_is_given,
        a_name_that_is_no_role_is_told_the_roles;
    BothBackends:
        a_gateway_serves_some_services_and_forwards_the_others,
        the_orders_of_a_customer_have_one_address_at_two_services;
];

/// What the banner of a process says that it serves.
fn listeners(process: &Process) -> Vec<&'static str> {
    let names = std::iter::once("gateway").chain(MODULES.iter().map(|module| module.name));
    names.filter(|name| process.find_url(name).is_some()).collect()
}

fn a_process_serves_the_roles_that_it_is_given(_: &Combination) {
    let memory = ("DATABASE_URL".to_owned(), "sqlite::memory:".to_owned());
    for (role, expected) in [
        ("all", &["gateway", "product", "customer", "order"][..]),
        ("gateway", &["gateway"]),
        ("order", &["order"]),
        ("customer,product", &["product", "customer"]),
        ("gateway, order", &["gateway", "order"]),
        ("order,order", &["order"]),
        ("product,all", &["gateway", "product", "customer", "order"]),
    ] {
        let folder = TempDir::new().expect("a temporary folder");
        let process = Process::start(folder.path(), role, std::slice::from_ref(&memory));
        assert_eq!(listeners(&process), expected, "--role {role}");
    }
}

fn a_name_that_is_no_role_is_told_the_roles(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    for role in ["clock", "product,clock", "product,", "Product", ""] {
        let output = command(folder.path()).args(["serve", "--role", role]).output();
        let output = output.expect("the binary starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{role}: {message}");
        let told = "must be one of all, gateway, product, customer, order, or several with commas";
        assert!(message.contains(told), "{role}: {message}");
    }
}

/// Through a gateway, with a token.
fn ask(gateway: &Process, path: &str) -> Answer {
    let bearer = format!("Bearer {}", make_token(3600));
    let url = format!("{}{path}", gateway.url("gateway"));
    Client::new().send("GET", &url, &[("Authorization", &bearer)], None)
}

fn a_gateway_serves_some_services_and_forwards_the_others(combination: &Combination) {
    let storage = Storage::seeded(&combination.backend);
    let folder = storage.folder.path();
    let mut settings = storage.settings();
    let others = Process::start(folder, "customer,order", &settings);
    for service in ["customer", "order"] {
        let variable = format!("{}_SERVICE_URL", service.to_ascii_uppercase());
        settings.push((variable, others.url(service)));
    }
    let gateway = Process::start(folder, "gateway,product", &settings);
    assert_eq!(listeners(&gateway), ["gateway", "product"]);
    for path in ["/products/prod_001", "/customers/cust_001", "/customers/cust_001/orders"] {
        ask(&gateway, path).expect(200);
    }
    ask(&gateway, "/orders").expect(200);
    drop(others);
    for path in ["/customers/cust_001", "/orders"] {
        ask(&gateway, path).expect(502);
    }
    ask(&gateway, "/products/prod_001").expect(200);
}

/// A store whose gateway or customer service is older than the order service goes on as it is.
fn the_orders_of_a_customer_have_one_address_at_two_services(combination: &Combination) {
    let app: App = combination.start();
    let path = "/customers/cust_001/orders";
    let answer = |service| app.client.send("GET", &app.service_url(service, path), &[], None);
    let (customer, order) = (answer("customer").expect(200), answer("order").expect(200));
    assert_eq!(customer.json, order.json);
    assert_eq!(customer.json, app.get(path).expect(200).json);
    let row = app.service_url("order", "/customers/cust_001");
    app.client.send("GET", &row, &[], None).expect_failure(404, "Not Found");
}
