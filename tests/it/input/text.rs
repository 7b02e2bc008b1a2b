//! Text: its characters and their number.

use super::{encoded, invalid_body, quiet, unchanged, writes};
use crate::app::Combination;
use crate::cases;
use serde_json::json;

cases![
    Everywhere:
        a_nul_in_a_body_is_refused,
        a_body_that_is_not_utf_8_is_refused,
        half_a_character_is_refused,
        lengths_count_characters,
        text_comes_back_byte_for_byte;
];

fn a_nul_in_a_body_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for more in [
            r#""unread":"a\u0000b""#,
            r#""unread\u0000":1"#,
            r#""\u0000":1"#,
            r#""unread":{"deep":["\\\u0000"]}"#,
            r#""unread":{"deep\u0000":1}"#,
            "\"unread\":\"a\0b\"",
            "\"unread\0\":1",
            "\"unread\":1\0",
            "\"unread\":\0",
        ] {
            let text = format!("{open},{more}}}");
            invalid_body(app.send_bytes(method, path, Some(text.as_bytes())));
        }
        invalid_body(app.send_bytes(method, path, Some(format!("{body}\0").as_bytes())));
    }
    for (path, members) in
        [("/products/prod_001", PRODUCT_TEXTS), ("/customers/cust_001", CUSTOMER_TEXTS)]
    {
        for member in members {
            for text in [r#""\u0000""#, r#""a\u0000""#, "\"a\0\"", r#"{"a":"\u0000"}"#] {
                let body = format!("{{\"{member}\":{text}}}");
                invalid_body(app.send_bytes("PUT", path, Some(body.as_bytes())));
            }
        }
    }
    unchanged(&app);
    // Six characters that only look like it.
    let looks = json!({ "metadata": { "a": "\\u0000" } });
    let answer = app.put("/products/prod_002", &looks).expect(200);
    assert_eq!(answer.json["data"]["metadata"], looks["metadata"]);
}

fn a_body_that_is_not_utf_8_is_refused(combination: &Combination) {
    let app = combination.start();
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
            for (before, after) in [(",\"unread\":\"", "\"}"), (",\"", "\":1}"), ("}", "")] {
                let text = [open.as_bytes(), before.as_bytes(), bytes, after.as_bytes()].concat();
                let message = invalid_body(app.send_bytes(method, path, Some(&text)));
                let place = format!("byte {}", open.len() + before.len());
                assert!(message.contains(&place), "{message}");
            }
        }
        // UTF-16, with and without its mark.
        let utf_16: Vec<u8> = body.to_string().bytes().flat_map(|byte| [byte, 0]).collect();
        invalid_body(app.send_bytes(method, path, Some(&utf_16)));
        let marked = [b"\xff\xfe", &*utf_16].concat();
        invalid_body(app.send_bytes(method, path, Some(&marked)));
    }
    unchanged(&app);
}

fn half_a_character_is_refused(combination: &Combination) {
    let app = combination.start();
    let halves = [r"\ud83d", r"\ude00", r"a\uD83Db", r"\ude00\ud83d", r"\ud83d\ud83d\ude00"];
    for (method, path, body) in writes(combination) {
        let open = body.to_string().trim_end_matches('}').to_owned();
        for half in halves {
            for more in [
                format!(r#""unread":"{half}""#),
                format!(r#""{half}":1"#),
                format!(r#""unread":[{{"{half}":"x"}}]"#),
            ] {
                let text = format!("{open},{more}}}");
                invalid_body(app.send_bytes(method, path, Some(text.as_bytes())));
            }
        }
    }
    for (path, members) in
        [("/products/prod_001", PRODUCT_TEXTS), ("/customers/cust_001", CUSTOMER_TEXTS)]
    {
        for (member, half) in members.iter().flat_map(|m| halves.map(|half| (m, half))) {
            for text in [format!(r#""{half}""#), format!(r#"{{"a":"{half}"}}"#)] {
                let body = format!("{{\"{member}\":{text}}}");
                invalid_body(app.send_bytes("PUT", path, Some(body.as_bytes())));
            }
        }
    }
    unchanged(&app);
    let pair = br#"{"name":"\ud83d\ude00 \uD83D\uDE00"}"#;
    let answer = app.send_bytes("PUT", "/products/prod_002", Some(pair)).expect(200);
    assert_eq!(answer.json["data"]["name"], "😀 😀");
}

fn lengths_count_characters(combination: &Combination) {
    let app = combination.start();
    for (path, member, longest) in [
        ("/products/prod_002", "name", 255),
        ("/products/prod_002", "brand", 100),
        ("/products/prod_002", "category", 50),
        ("/customers/cust_002", "name", 255),
        ("/customers/cust_002", "phone", 50),
    ] {
        // Characters of four bytes; letters with a mark of their own are two characters each.
        for text in ["𝄞".repeat(longest), "e\u{301}".repeat(longest / 2)] {
            let answer = app.put(path, &json!({ (member): text })).expect(200);
            assert_eq!(answer.json["data"][member], text);
            assert_eq!(app.get(path).expect(200).json["data"][member], text);
        }
        let text = "𝄞".repeat(longest + 1);
        let answer = app.put(path, &json!({ (member): text }));
        let answer = quiet(answer.expect_failure(400, "Invalid request"));
        assert_eq!(answer.json["details"]["field"], member, "{}", answer.text);
    }
}

fn text_comes_back_byte_for_byte(combination: &Combination) {
    let app = combination.start();
    for (index, text) in [
        " leading and trailing ",
        "\ttab\r\nlines\n",
        "Audemars Piguet é",
        "Audemars Piguet e\u{301}",
        "👩\u{200d}🚀 😀 🇨🇭 👍🏽",
        "\u{202e}right to left\u{202c} שעון ساعة",
        "腕時計 ｆｕｌｌ ﬁ Å \u{212b}",
        "\u{feff}mark\u{feff}",
        "\u{1}\u{1b}[31m\u{7f}\u{85}\u{2028}\u{fffd}\u{ffff}\u{10ffff}",
        r#"\ \\ \n \u0041 " ' ` / <b>&amp;</b>"#,
        "'; DROP TABLE products; --",
        "100% %s %00 {} $1 ?1 :x @x",
        "İ ı ß ẞ ς Σ",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("text-{index}");
        let metadata = json!({ (text): text, "list": [text, { (text): text }] });
        let product = json!({
            "id": id, "name": text, "brand": text, "price": 1, "stock": 1, "category": text,
            "metadata": metadata,
        });
        app.post("/products", &product).expect(201);
        for _ in 0..2 {
            let read = app.get(&format!("/products/{id}")).expect(200).json["data"].clone();
            for member in PRODUCT_TEXTS {
                assert_eq!(read[member], product[member], "{member}");
            }
        }
        let found = app.get(&format!("/products?brand={}", encoded(text.as_bytes()))).expect(200);
        assert_eq!(found.json["data"][0]["id"], id);
        assert_eq!(found.json["pagination"]["total"], 1);

        let email = format!("text-{index}@example.com");
        let customer = json!({
            "id": id, "email": email, "name": text, "tier": "gold", "phone": text,
            "address": metadata,
        });
        app.post("/customers", &customer).expect(201);
        let read = app.get(&format!("/customers/{id}")).expect(200).json["data"].clone();
        for member in CUSTOMER_TEXTS {
            assert_eq!(read[member], customer[member], "{member}");
        }
    }
}

const PRODUCT_TEXTS: &[&str] = &["name", "brand", "category", "metadata"];

const CUSTOMER_TEXTS: &[&str] = &["name", "phone", "address"];
