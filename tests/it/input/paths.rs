//! Paths that have two readings or lead nowhere.

use super::{exchange, head, quiet, unchanged};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        a_path_with_two_readings_is_refused,
        a_path_beside_the_routes_is_not_found,
        a_target_that_is_not_a_path_is_refused;
];

fn a_path_with_two_readings_is_refused(combination: &Combination) {
    let app = combination.start();
    let rests = "/.. /../ /../customers /../../etc/passwd /./prod_001 /. /prod_001/.. \
                 /prod_001/../../customers/cust_001 /%2e%2e/customers /%2E%2E/customers \
                 /.%2e/customers /%2e/prod_001 /%252e%252e/customers /..%2fcustomers \
                 /..%5ccustomers /..\\customers /prod\\001 /prod%5c001 /prod_001%2finventory \
                 /prod_001%2Finventory /prod%00_001 /%00 /prod_001%0d%0aX:y /prod_001%7f \
                 /prod_001;v=1 /prod_001;/inventory /prod_001%3bv //prod_001 \
                 /prod_001//inventory // /prod_001% /prod_001%2 /prod_001%zz /prod_001%25 /%ff \
                 /%c0%ae%c0%ae/customers /%ed%a0%80 /%E2%80%A8%00";
    for rest in rests.split(' ') {
        for list in ["/products", "/customers"] {
            for query in ["", "?limit=1"] {
                let path = format!("{list}{rest}{query}");
                let answer = exchange(&app, list, head(&app, "GET", &path, "").as_bytes());
                quiet(answer.expect_failure(400, "Invalid path"));
            }
        }
    }
    for path in ["//products", "/./products", "/../products", "/..%2fproducts", "/%2e/products"] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = exchange(&app, path, head(&app, method, path, "").as_bytes());
            quiet(answer.expect_failure(400, "Invalid path"));
        }
    }
    unchanged(&app);
}

fn a_path_beside_the_routes_is_not_found(combination: &Combination) {
    let app = combination.start();
    for path in ["/productsx", "/products.json", "/Products", "/product", "/customersx", "/ordersx"]
    {
        quiet(app.get(path).expect_failure(404, "Not Found"));
        quiet(app.post(path, &json!({})).expect_failure(404, "Not Found"));
    }
}

fn a_target_that_is_not_a_path_is_refused(combination: &Combination) {
    let app = combination.start();
    for target in ["products", "http://chronos/products/../customers", "example.com:80"] {
        let answer = exchange(&app, "/products", head(&app, "GET", target, "").as_bytes());
        quiet(answer.expect_failure(400, "Invalid path"));
    }
    // These do not even parse as HTTP: there is no request to speak of.
    for target in [&b"/products/\xff"[..], b"/products/\xc3\xa9", b"/products?a=\xff", b"/a b"] {
        let line = [b"GET ", target, b" HTTP/1.1\r\nHost: chronos\r\n\r\n"].concat();
        let answer = exchange(&app, "/products", &line).expect(400);
        assert_eq!(answer.text, "");
        quiet(answer);
    }
}
