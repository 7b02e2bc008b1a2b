//! The description of the API: it says what is served, and what is served is in it.

use crate::app::{App, Combination, command};
use crate::cases;
use crate::client::Answer;
use chronos::app::MODULES;
use chronos::kernel::http::Code;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tempfile::TempDir;

cases![
    Once:
        the_command_prints_both_versions,
        every_route_of_the_source_is_described,
        every_code_is_described;
    BothBackends:
        every_listener_describes_itself,
        a_description_that_the_client_has_is_not_sent_again,
        the_docs_load_nothing_from_elsewhere,
        a_listener_says_what_it_is,
        examples_are_what_is_answered;
    Everywhere:
        described_methods_are_those_that_are_served;
];

/// A described operation.
struct Operation {
    path: String,
    method: String,
    value: Value,
}

/// The operations of a document, in its order.
fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let each = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations");
        methods.iter().map(|(method, value)| Operation {
            path: path.clone(),
            method: method.to_uppercase(),
            value: value.clone(),
        })
    });
    each.collect()
}

impl Operation {
    /// The path with the examples of its parameters.
    fn url(&self) -> String {
        let parameters = self.value["parameters"].as_array().expect("parameters");
        let of_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        of_path.fold(self.path.clone(), |path, parameter| {
            let name = parameter["name"].as_str().expect("a name");
            let example = parameter["example"].as_str().expect("an example of an id");
            path.replace(&format!("{{{name}}}"), example)
        })
    }

    /// The query with the examples of its parameters.
    fn query(&self) -> String {
        let parameters = self.value["parameters"].as_array().expect("parameters");
        let examples = parameters.iter().filter(|parameter| parameter["in"] == "query");
        let pairs = examples.filter_map(|parameter| {
            let example = parameter.get("example")?;
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            Some(format!("{}={text}", parameter["name"].as_str().expect("a name")))
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The success that is described, and its example.
    fn example(&self) -> (u16, Option<&Value>) {
        let responses = self.value["responses"].as_object().expect("responses");
        let success = responses.iter().find(|(status, _)| status.starts_with('2'));
        let (status, response) = success.expect("each has a success");
        let example = response.pointer("/content/application~1json/example");
        (status.parse().expect("a number"), example)
    }

    /// The codes of the failures that are described.
    fn codes(&self) -> BTreeSet<String> {
        let responses = self.value["responses"].as_object().expect("responses");
        let examples = responses.values().filter_map(|response| {
            response.pointer("/content/application~1json/examples")?.as_object()
        });
        examples.flat_map(|examples| examples.keys().cloned()).collect()
    }
}

fn described(app: &App, url: &str) -> Value {
    app.client.send("GET", &format!("{url}/openapi.json"), &[], None).expect(200).json
}

fn every_listener_describes_itself(combination: &Combination) {
    let app = combination.start();
    let gateway = described(&app, &app.gateway_url(""));
    assert_eq!(gateway["openapi"], "3.1.0");
    let everything: BTreeSet<String> =
        gateway["paths"].as_object().expect("paths").keys().cloned().collect();
    for module in &MODULES {
        let own = described(&app, &app.service_url(module.name, ""));
        assert!(own["info"]["title"].as_str().is_some_and(|title| title.contains(module.service)));
        for path in own["paths"].as_object().expect("paths").keys() {
            assert!(everything.contains(path), "the gateway does not describe {path}");
        }
    }
    for path in ["/products", "/products/{id}/inventory", "/customers/{id}/orders", "/auth/token"] {
        assert!(everything.contains(path), "{path}");
    }
}

fn a_description_that_the_client_has_is_not_sent_again(combination: &Combination) {
    let app = combination.start();
    for path in ["/openapi.json", "/openapi-3.0.json"] {
        let url = app.gateway_url(path);
        let first = app.client.send("GET", &url, &[], None).expect(200);
        let tag = first.header("etag").expect("a tag").to_owned();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        let strong = tag.strip_prefix("W/").expect("weak: it is also sent compressed");
        for known in [tag.as_str(), strong, "*", &format!("\"other\", {tag}")] {
            let again = app.client.send("GET", &url, &[("If-None-Match", known)], None).expect(304);
            assert_eq!((again.text.as_str(), again.header("etag")), ("", Some(tag.as_str())));
        }
        app.client.send("GET", &url, &[("If-None-Match", "\"other\"")], None).expect(200);
    }
}

fn the_command_prints_both_versions(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let print = |arguments: &[&str]| -> Value {
        let output = command(folder.path()).arg("openapi").args(arguments).output();
        let output = output.expect("the binary starts");
        assert_eq!(output.status.code(), Some(0));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let (new, old) = (print(&[]), print(&["--version", "3.0"]));
    assert_eq!((&new["openapi"], &old["openapi"]), (&"3.1.0".into(), &"3.0.3".into()));
    assert_eq!(operations(&new).len(), operations(&old).len());
    let product = &old["components"]["schemas"]["Product"]["properties"]["metadata"];
    assert_eq!((&product["type"], &product["nullable"]), (&"object".into(), &true.into()));
}

/// The paths of `web::resource(…)` in the slices, below their prefix.
fn every_route_of_the_source_is_described(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let output = command(folder.path()).arg("openapi").output().expect("the binary starts");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let described: BTreeSet<String> =
        operations(&document).into_iter().map(|operation| operation.path).collect();
    let mut served = BTreeSet::new();
    let read =
        |slice: &str| fs::read_to_string(format!("src/{slice}/routes.rs")).expect("a source file");
    let stock = read("product/stock");
    // Each of its functions mounts below another prefix.
    let of_stock: Vec<&str> = stock.split("\npub fn routes_of_").collect();
    let [_, of_products, of_all, of_holds] = of_stock[..] else {
        panic!("three functions mount the stock");
    };
    let order = read("order");
    let (of_customers, of_orders) = order.split_once("\npub fn routes(").expect("two functions");
    for (source, prefix) in [
        (read("product").as_str(), "/products"),
        (of_products, "/products"),
        (of_all, "/stock"),
        (of_holds, "/holds"),
        (read("customer").as_str(), "/customers"),
        (of_customers, "/customers"),
        (of_orders, "/orders"),
    ] {
        let resources = source.split("web::resource(\"").skip(1);
        served.extend(
            resources.map(|rest| {
                format!("{prefix}{}", rest.split('"').next().expect("the end of a text"))
            }),
        );
    }
    assert!(served.len() >= 6, "{served:?}");
    assert!(served.is_subset(&described), "{served:?} {described:?}");
    let of_modules = described.iter().filter(|path| {
        MODULES.iter().any(|module| module.mounts.iter().any(|mount| path.starts_with(mount)))
    });
    assert_eq!(of_modules.cloned().collect::<BTreeSet<_>>(), served);
}

fn every_code_is_described(_: &Combination) {
    let folder = TempDir::new().expect("a temporary folder");
    let output = command(folder.path()).arg("openapi").output().expect("the binary starts");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let described: BTreeSet<String> =
        operations(&document).iter().flat_map(Operation::codes).collect();
    // No described route answers with these: they are for what is not described.
    let elsewhere = [Code::MethodNotAllowed, Code::RequestRefused];
    let expected = Code::ALL.iter().filter(|code| !elsewhere.contains(code));
    let expected: BTreeSet<String> = expected.map(|code| code.as_str().to_owned()).collect();
    assert_eq!(described, expected);
}

fn described_methods_are_those_that_are_served(combination: &Combination) {
    let app = combination.start();
    let document = described(&app, &app.gateway_url(""));
    let mut methods: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for operation in operations(&document) {
        let url = operation.url();
        let (_, of_path) =
            methods.entry(operation.path).or_insert_with(|| (url, BTreeSet::default()));
        if operation.method == "GET" {
            of_path.insert("HEAD".to_owned());
        }
        of_path.insert(operation.method);
    }
    for (path, expected) in methods.into_values() {
        let is_mounted = |mount: &&str| path.starts_with(mount);
        let is_of_module = MODULES.iter().any(|module| module.mounts.iter().any(is_mounted));
        let url = if is_of_module { app.url(&path) } else { app.gateway_url(&path) };
        let bearer = format!("Bearer {}", app.token());
        let other = app.client.send("PROPFIND", &url, &[("Authorization", &bearer)], None);
        let other = other.expect_failure(405, "Method Not Allowed");
        let allowed = other.header("allow").expect("what is allowed").split(", ");
        assert_eq!(allowed.map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{path}");
    }
}

/// An answer without what no two of them share.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => {
            for item in items {
                *item = comparable(item.take());
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let is_volatile = match name.as_str() {
                    "timestamp" | "token" | "request_id" | "redis" | "cached" | "version" => true,
                    // That of the test, or a part of the program.
                    "actor" => member != "seed",
                    // What the store sets now; those of the example store are fixed.
                    "created_at" | "updated_at" | "expires_at" | "placed_at" | "received_at" => {
                        member.as_str().is_some_and(|time| time.starts_with("2026-"))
                    }
                    _ => false,
                };
                *member = if is_volatile { "*".into() } else { comparable(member.take()) };
            }
        }
        _ => {}
    }
    value
}

/// Those that delete come last.
fn examples_are_what_is_answered(combination: &Combination) {
    let app = combination.start();
    let document = described(&app, &app.gateway_url(""));
    let mut compared = 0;
    let order = ["GET", "PATCH", "PUT", "POST", "DELETE"];
    for method in order {
        for operation in operations(&document).iter().filter(|one| one.method == method) {
            let (status, Some(example)) = operation.example() else {
                continue;
            };
            let answer = send_example(&app, operation);
            let name = format!("{} {}", operation.method, operation.path);
            assert_eq!(answer.status, status, "{name}: {}", answer.text);
            let mut expected = comparable(example.clone());
            let mut answered = comparable(answer.json);
            if operation.method == "DELETE" || operation.method == "PUT" {
                // What was changed before is shown as it is.
                for value in [&mut expected, &mut answered] {
                    value["data"]["stock"].take();
                    value["data"]["updated_at"].take();
                    value["data"]["tier"].take();
                }
            }
            assert_eq!(answered, expected, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared} examples");
}

fn send_example(app: &App, operation: &Operation) -> Answer {
    let url = format!("{}?{}", app.gateway_url(&operation.url()), operation.query());
    let body = operation.value.pointer("/requestBody/content/application~1json/example");
    let body = body.map(Value::to_string);
    let bearer = format!("Bearer {}", app.token());
    let mut headers = vec![("Authorization", bearer.as_str())];
    if body.is_some() {
        headers.push(("Content-Type", "application/json"));
    }
    // Some changes need one, and each may have one.
    let key = operation.value["operationId"].as_str().expect("a name");
    if !matches!(operation.method.as_str(), "GET" | "HEAD") {
        headers.push(("Idempotency-Key", key));
    }
    app.client.send(&operation.method, &url, &headers, body.as_deref().map(str::as_bytes))
}

fn the_docs_load_nothing_from_elsewhere(combination: &Combination) {
    let app = combination.start();
    for base in [app.gateway_url(""), app.product_url("")] {
        let get = |path: &str| app.client.send("GET", &format!("{base}{path}"), &[], None);
        assert_eq!(get("/docs").expect(308).header("location"), Some("docs/"));
        let page = get("/docs/").expect(200);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'self'"), "{policy}");
        let named: Vec<&str> = ["src=\"", "href=\""]
            .iter()
            .flat_map(|start| page.text.split(start).skip(1))
            .map(|rest| rest.split('"').next().expect("the end of a text"))
            .collect();
        assert!(named.len() >= 4, "{named:?}");
        for file in named {
            assert!(!file.contains("//"), "{file}");
            // Some are images, which are no text.
            let url = format!("{base}/docs/{}", file.trim_start_matches("./"));
            app.client.send("HEAD", &url, &[], None).expect(200);
        }
        let start = get("/docs/swagger-initializer.js").expect(200).text;
        assert!(start.contains("../openapi.json") && !start.contains("petstore"), "{start}");
        get("/docs/missing.js").expect_failure(404, "Not Found");
    }
}

/// This is the one answer that tells the version, to anybody.
fn a_listener_says_what_it_is(combination: &Combination) {
    let app = combination.start();
    for (base, service) in
        [(app.gateway_url(""), "gateway"), (app.product_url(""), "product-service")]
    {
        let ask = |path: &str, accept: &str| {
            app.client
                .send("GET", &format!("{base}{path}"), &[("Accept", accept)], None)
                .expect(200)
        };
        for accept in ["*/*", "application/json", "application/json, text/html;q=0.5"] {
            let json = ask("/", accept).json;
            assert_eq!((&json["name"], &json["service"]), (&"Chronos".into(), &service.into()));
            assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
        }
        let page = ask("/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("vary"), Some("accept"));
        assert!(page.text.contains(service) && page.text.contains("docs/"), "{}", page.text);
        assert_eq!(ask("/favicon.ico", "*/*").header("content-type"), Some("image/svg+xml"));
        assert!(ask("/robots.txt", "*/*").text.contains("Disallow: /"));
    }
}
