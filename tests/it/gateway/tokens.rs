//! Which tokens are believed, and where they are looked for.

use super::wire::exchange_one;
use crate::app::{App, Combination, SECRET, sign};
use crate::cases;
use crate::client::Answer;
use hmac::digest::Digest;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha384, Sha512};
use std::time::{SystemTime, UNIX_EPOCH};

cases![
    BothGateways:
        a_forged_token_is_refused,
        claims_of_the_wrong_shape_are_refused,
        a_token_that_is_not_in_force_is_refused,
        a_token_needs_no_claims_but_the_user_and_its_end,
        the_scheme_counts_in_any_case,
        any_other_authorization_is_refused,
        a_token_counts_in_the_authorization_header_alone,
        a_refusal_tells_nothing_but_that_it_is_one;
];

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_secs()).expect("before the sun ends")
}

fn good_claims() -> Value {
    json!({ "userId": "test", "email": "test@example.com", "iat": now(), "exp": now() + 3600 })
}

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 as tokens are written: for URLs, without padding.
fn base64(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::new();
    for three in bytes.as_ref().chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| (bits << 8) | usize::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(character((bits >> (18 - 6 * place)) & 63));
        }
    }
    text
}

fn character(value: usize) -> char {
    char::from(ALPHABET.as_bytes()[value])
}

fn hs256(message: &str, key: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

/// A token of any header and claims, signed with a key.
fn token_with_key(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, key: &[u8]) -> String {
    let message = format!("{}.{}", base64(header), base64(claims));
    let signature = base64(hs256(&message, key));
    format!("{message}.{signature}")
}

/// A token of any header and claims, with a genuine signature.
fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    token_with_key(header, claims, SECRET.as_bytes())
}

/// The same text with the last bit of the character at `index` changed.
fn flip(text: &str, index: usize) -> String {
    let value = |c| ALPHABET.find(c).expect("base64");
    let changed = |(at, c)| if at == index { character(value(c) ^ 1) } else { c };
    text.chars().enumerate().map(changed).collect()
}

fn get(app: &App, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    app.client.send("GET", &app.url("/products"), &[("Authorization", &bearer)], None)
}

#[track_caller]
fn expect_refused(answer: Answer, why: &str) {
    assert_eq!(answer.status, 401, "{why}: {}", answer.text);
    let answer = answer.expect_failure(401, "Unauthorized");
    assert_eq!(answer.json["message"], "Invalid or expired token", "{why}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{why}");
    assert!(answer.json.get("details").is_none(), "{why}: {}", answer.text);
}

fn a_forged_token_is_refused(combination: &Combination) {
    let app = combination.start();
    let claims = good_claims().to_string();
    // What all of these are one step away from.
    get(&app, &token(HEADER, &claims)).expect(200);
    get(&app, &token(r#"{"alg":"HS256"}"#, &claims)).expect(200);
    let forged: Vec<(String, String)> = [
        unsigned(&claims),
        other_algorithms(&claims),
        headers_that_ask_for_more(&claims),
        other_keys(&claims),
        changed_bits(&token(HEADER, &claims)),
        other_shapes(&claims),
    ]
    .concat();
    assert!(forged.len() >= 40, "{}", forged.len());
    for (why, token) in forged {
        expect_refused(get(&app, &token), &why);
    }
}

fn unsigned(claims: &str) -> Vec<(String, String)> {
    let spellings = ["none", "None", "NONE", "nOnE", "none ", ""];
    let tokens = spellings.iter().flat_map(|alg| {
        let header = json!({ "typ": "JWT", "alg": alg }).to_string();
        let message = format!("{}.{}", base64(&header), base64(claims));
        [
            (format!("alg {alg:?} without a signature"), format!("{message}.")),
            (format!("alg {alg:?} of two parts"), message),
            (format!("alg {alg:?}, signed"), token(header, claims)),
        ]
    });
    tokens.collect()
}

fn other_algorithms(claims: &str) -> Vec<(String, String)> {
    fn by<D>(header: &str, claims: &str, sign: impl Fn(&str) -> D) -> String
    where
        D: AsRef<[u8]>,
    {
        let message = format!("{}.{}", base64(header), base64(claims));
        let signature = base64(sign(&message));
        format!("{message}.{signature}")
    }
    let key = SECRET.as_bytes();
    let hs384 = |message: &str| {
        let mac = Hmac::<Sha384>::new_from_slice(key).expect("a key may have any length");
        mac.chain_update(message).finalize().into_bytes()
    };
    let hs512 = |message: &str| {
        let mac = Hmac::<Sha512>::new_from_slice(key).expect("a key may have any length");
        mac.chain_update(message).finalize().into_bytes()
    };
    let unkeyed = |message: &str| Sha256::digest(message.as_bytes());
    let mut tokens = vec![
        ("HS384".into(), by(r#"{"alg":"HS384"}"#, claims, hs384)),
        ("HS512".into(), by(r#"{"alg":"HS512"}"#, claims, hs512)),
        ("HS384 called HS256".into(), by(HEADER, claims, hs384)),
        ("HS512 called HS256".into(), by(HEADER, claims, hs512)),
        ("a hash without a key".into(), by(HEADER, claims, unkeyed)),
    ];
    let names = [
        "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "PS512", "EdDSA",
        "hs256", "Hs256", "HS256 ", "HS255", "A128KW", "dir",
    ];
    tokens.extend(names.iter().map(|name| {
        let header = json!({ "typ": "JWT", "alg": name }).to_string();
        (format!("{name} with the HMAC of HS256"), token(header, claims))
    }));
    let headers = [
        r#"{"typ":"JWT"}"#,
        r#"{"typ":"JWT","alg":null}"#,
        r#"{"typ":"JWT","alg":["HS256"]}"#,
        r#"{"typ":"JWT","alg":256}"#,
        r#"{"typ":"JWT","alg":"HS256","alg":"none"}"#,
        r#"{"typ":"JWT","alg":"none","alg":"HS256"}"#,
        r#"{"typ":"JWT","alg":"HS256","alg":"HS256"}"#,
        r#"{"typ":"JWT","ALG":"HS256"}"#,
        r#"["HS256"]"#,
        r#""HS256""#,
        "null",
        "{}",
        "",
        "{",
    ];
    tokens.extend(headers.iter().map(|header| (format!("header {header}"), token(header, claims))));
    tokens
}

fn headers_that_ask_for_more(claims: &str) -> Vec<(String, String)> {
    let own_key = b"an attacker's own key, long enough for HS256";
    let jwk = json!({ "kty": "oct", "k": base64(own_key), "alg": "HS256", "kid": "mine" });
    let more = [
        json!({ "jwk": jwk }),
        json!({ "jwk": null, "kid": "a" }),
        json!({ "jku": "http://127.0.0.1:1/keys" }),
        json!({ "kid": "a" }),
        json!({ "kid": "../../../../dev/null" }),
        json!({ "kid": "' UNION SELECT 'key" }),
        json!({ "kid": 1 }),
        json!({ "x5u": "http://127.0.0.1:1/certificate" }),
        json!({ "x5c": ["AAAA"] }),
        json!({ "x5t": "AAAA" }),
        json!({ "x5t#S256": "AAAA" }),
        json!({ "crit": ["exp"] }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "crit": [] }),
        json!({ "crit": "exp" }),
        json!({ "b64": false }),
        json!({ "b64": true }),
        json!({ "cty": "JWT" }),
        json!({ "zip": "DEF" }),
        json!({ "enc": "A128GCM" }),
        json!({ "url": "http://127.0.0.1:1" }),
        json!({ "nonce": "a" }),
        json!({ "exp": 99_999_999_999_i64 }),
        json!({ "typ": "JWE" }),
        json!({ "typ": "at+jwt" }),
        json!({ "typ": "" }),
        json!({ "typ": 1 }),
    ];
    let header = |more: &Value| {
        let mut header = json!({ "typ": "JWT", "alg": "HS256" });
        for (name, value) in more.as_object().expect("an object") {
            header[name] = value.clone();
        }
        header.to_string()
    };
    let mut tokens: Vec<_> = more
        .iter()
        .map(|more| (format!("header with {more}"), token(header(more), claims)))
        .collect();
    let embedded = header(&json!({ "jwk": jwk }));
    tokens.push(("signed by its own jwk".into(), token_with_key(embedded, claims, own_key)));
    let nothing = header(&json!({ "kid": "/dev/null" }));
    tokens.push(("signed by the file in kid".into(), token_with_key(nothing, claims, b"")));
    tokens
}

fn other_keys(claims: &str) -> Vec<(String, String)> {
    let keys = [
        String::new(),
        "secret".into(),
        format!("{SECRET}\n"),
        format!(" {SECRET}"),
        SECRET[..31].into(),
        SECRET.to_uppercase(),
        base64(SECRET),
        "\0".repeat(32),
        "another key, which is long enough for HS256".into(),
    ];
    let signed = |key: &String| {
        (format!("signed with {key:?}"), token_with_key(HEADER, claims, key.as_bytes()))
    };
    let mut tokens: Vec<_> = keys.iter().map(signed).collect();
    // HMAC fills a short key with zeros: with zeros at its end, the key would be the same.
    let bytes = hex(SECRET);
    tokens.push(("signed with the bytes".into(), token_with_key(HEADER, claims, &bytes)));
    tokens
}

/// The bytes that a text of hexadecimal digits stands for.
fn hex(text: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
    (0..text.len()).step_by(2).map(pair).collect()
}

fn changed_bits(genuine: &str) -> Vec<(String, String)> {
    let mut places = Vec::new();
    let mut start = 0;
    for part in genuine.split('.') {
        places.extend([start, start + 1, start + part.len() / 2, start + part.len() - 1]);
        start += part.len() + 1;
    }
    let changed = |place: usize| (format!("changed at {place}"), flip(genuine, place));
    places.into_iter().map(changed).collect()
}

fn other_shapes(claims: &str) -> Vec<(String, String)> {
    let genuine = token(HEADER, claims);
    let [header, payload, signature]: [&str; 3] =
        genuine.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    // A text whose base64 has both characters that the two alphabets write differently.
    let mut claims_with_both = good_claims();
    claims_with_both["email"] = json!("a???>>>?>?>~~~@example.com");
    let for_url = token(HEADER, claims_with_both.to_string());
    let message = for_url.rsplit_once('.').expect("three parts").0;
    assert!(message.contains(['-', '_']), "{message}");
    let standard = message.replace('-', "+").replace('_', "/");
    let standard_signature = base64(hs256(&standard, SECRET.as_bytes()));
    // The last character of a signature has two bits that stand for nothing.
    let same_bytes = flip(&genuine, genuine.len() - 1);
    let mut long = good_claims();
    long["email"] = json!("a".repeat(9 * 1024));
    let tokens = [
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("two parts and a dot", format!("{header}.{payload}.")),
        ("four parts", format!("{genuine}.{signature}")),
        ("four parts, the last empty", format!("{genuine}.")),
        ("four parts, the first empty", format!(".{genuine}")),
        ("five parts", format!("{header}.{header}.{payload}.{payload}.{signature}")),
        ("no header", format!(".{payload}.{signature}")),
        ("no claims", format!("{header}..{signature}")),
        ("dots", "..".to_owned()),
        ("a dot", ".".to_owned()),
        ("parts in another order", format!("{payload}.{header}.{signature}")),
        ("padding at the end", format!("{genuine}=")),
        ("padding in the claims", format!("{header}.{payload}=.{signature}")),
        ("padding, signed", {
            let message = format!("{header}=.{payload}==");
            format!("{message}.{}", base64(hs256(&message, SECRET.as_bytes())))
        }),
        ("a space within", format!("{header}.{payload} .{signature}")),
        ("a tab within", format!("{header}.\t{payload}.{signature}")),
        ("two words", format!("{genuine} {genuine}")),
        ("a comma behind it", format!("{genuine},")),
        ("in quotes", format!("\"{genuine}\"")),
        ("the other alphabet", format!("{standard}.{standard_signature}")),
        ("the other bits of the last character", same_bytes),
        ("an encoded NUL", format!("{genuine}%00")),
        ("an escaped NUL", format!("{genuine}\\u0000")),
        ("a NUL for C", format!("{genuine}\\0")),
        ("encoded dots", genuine.replace('.', "%2e")),
        ("9 KB", token(HEADER, long.to_string())),
        ("a signature cut short", genuine[..genuine.len() - 4].to_owned()),
        ("a signature twice", format!("{genuine}{signature}")),
        ("no token at all", "undefined".to_owned()),
    ];
    tokens.into_iter().map(|(why, token)| (why.to_owned(), token)).collect()
}

fn claims_of_the_wrong_shape_are_refused(combination: &Combination) {
    let app = combination.start();
    let (start, end) = (now(), now() + 3600);
    let float = f64::from(u32::try_from(end).expect("before 2106"));
    let texts = ["[]", "\"test\"", "1", "null", "true", "", "{", "{}", "\u{feff}{}"];
    let mut wrong: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    wrong.push(json!([good_claims()]).to_string().into_bytes());
    wrong.push(format!("{} {{}}", good_claims()).into_bytes());
    // Not UTF-8.
    wrong.push([b"{\"userId\":\"\xff\",", &good_claims().to_string().into_bytes()[1..]].concat());
    let members = [
        ("exp", vec![json!(end.to_string()), json!(null), json!(true), json!([end])]),
        ("exp", vec![json!(-end), json!(-1), json!(0), json!(i64::MAX), json!(u64::MAX)]),
        ("exp", vec![json!(1e30), json!({ "at": end }), json!(float)]),
        ("nbf", vec![json!("0"), json!(true), json!([0]), json!({}), json!(-0.5), json!(1e30)]),
        ("iat", vec![json!(start.to_string()), json!([start]), json!({}), json!(true)]),
        (
            "userId",
            vec![
                json!(1),
                json!(null),
                json!(["test"]),
                json!({}),
                json!(true),
                json!(""),
                json!("a\0b"),
            ],
        ),
        ("email", vec![json!(1), json!(null), json!(["a@b"]), json!({}), json!(true)]),
    ];
    for (name, values) in members {
        for value in values {
            let mut claims = good_claims();
            claims[name] = value;
            wrong.push(claims.to_string().into_bytes());
        }
    }
    for name in ["userId", "email", "exp"] {
        let mut claims = good_claims();
        claims.as_object_mut().expect("an object").remove(name);
        wrong.push(claims.to_string().into_bytes());
    }
    wrong.push(format!(r#"{{"userId":"test","email":"test@example.com","exp":{end}e0}}"#).into());
    let tail = good_claims().to_string();
    let tail = tail.strip_prefix('{').expect("an object");
    for twice in [format!("\"exp\":{end}"), "\"exp\":1".into(), "\"userId\":\"admin\"".into()] {
        wrong.push(format!("{{{twice},{tail}").into_bytes());
    }
    get(&app, &token(HEADER, format!("{{{tail}"))).expect(200);
    for claims in wrong {
        expect_refused(get(&app, &token(HEADER, &claims)), &claims.escape_ascii().to_string());
    }
}

fn a_token_that_is_not_in_force_is_refused(combination: &Combination) {
    let app = combination.start();
    let now = now();
    let day = 86_400;
    let refused = [
        ("no end", json!({})),
        ("over by a second", json!({ "iat": now - 60, "exp": now - 1 })),
        ("over in this second", json!({ "iat": now - 60, "exp": now })),
        ("long over", json!({ "iat": 0, "exp": day })),
        ("begins in a minute", json!({ "iat": now, "nbf": now + 60, "exp": now + 3600 })),
        ("begins in a minute, no iat", json!({ "nbf": now + 60, "exp": now + 3600 })),
        ("lives a second too long", json!({ "iat": now, "exp": now + day + 1 })),
        ("made long ago", json!({ "iat": now - day, "exp": now + 60 })),
        ("lives two days", json!({ "exp": now + 2 * day })),
        ("lives for ever", json!({ "exp": 99_999_999_999_i64 })),
        ("made next year", json!({ "iat": now + 365 * day, "exp": now + 366 * day })),
        ("made tomorrow", json!({ "iat": now + day, "exp": now + 2 * day })),
        ("made before time", json!({ "iat": i64::MIN, "exp": now + 60 })),
    ];
    for (why, times) in refused {
        expect_refused(get(&app, &sign(&with_user(times))), why);
    }
}

fn with_user(mut claims: Value) -> Value {
    claims["userId"] = json!("test");
    claims["email"] = json!("test@example.com");
    claims
}

fn a_token_needs_no_claims_but_the_user_and_its_end(combination: &Combination) {
    let app = combination.start();
    let now = now();
    let believed = [
        json!({ "exp": now + 3600 }),
        json!({ "exp": now + 86_400 }),
        json!({ "iat": now, "exp": now + 86_400 }),
        json!({ "iat": now - 86_400 + 60, "exp": now + 60 }),
        json!({ "nbf": now, "exp": now + 60 }),
        json!({ "nbf": now - 60, "iat": now - 60, "exp": now + 60 }),
        json!({ "exp": now + 60, "aud": "other", "iss": "other", "sub": 1, "admin": true }),
    ];
    for times in believed {
        let answer = get(&app, &sign(&with_user(times.clone())));
        assert_eq!(answer.status, 200, "{times}: {}", answer.text);
    }
}

fn the_scheme_counts_in_any_case(combination: &Combination) {
    let app = combination.start();
    for scheme in ["Bearer", "bearer", "BEARER", "BeArEr"] {
        let value = format!("{scheme} {}", app.token());
        let headers = [("Authorization", value.as_str())];
        app.client.send("GET", &app.url("/products"), &headers, None).expect(200);
    }
}

fn any_other_authorization_is_refused(combination: &Combination) {
    let app = combination.start();
    let good = format!("Bearer {}", app.token());
    let token = app.token();
    let refused = [
        String::new(),
        "Authorization: \r\n".into(),
        "Authorization: Bearer\r\n".into(),
        "Authorization: Bearer \r\n".into(),
        format!("Authorization: {token}\r\n"),
        format!("Authorization: Bearer{token}\r\n"),
        format!("Authorization: Bearer\t{token}\r\n"),
        format!("Authorization: Bearer:{token}\r\n"),
        format!("Authorization: Bearer={token}\r\n"),
        format!("Authorization: Bearer token={token}\r\n"),
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: Token {token}\r\n"),
        format!("Authorization: JWT {token}\r\n"),
        format!("Authorization: Bearers {token}\r\n"),
        format!("Authorization: Bearer {good}\r\n"),
        format!("Authorization: {good}, {good}\r\n"),
        format!("Authorization: Basic YTpi, {good}\r\n"),
        format!("Authorization: {good}\r\nAuthorization: {good}\r\n"),
        format!("Authorization: {good}\r\nauthorization: Basic YTpi\r\n"),
        format!("Authorization: Basic YTpi\r\nAUTHORIZATION: {good}\r\n"),
        format!("Authorization: {good}\r\nAuthorization: \r\n"),
        format!("Authorization: {good}\u{fc}\r\n"),
        format!("Proxy-Authorization: {good}\r\n"),
        format!("X-Authorization: {good}\r\n"),
    ];
    let send = |headers: &str| {
        let head = "GET /products HTTP/1.1\r\nHost: chronos\r\nConnection: close\r\n";
        exchange_one(&app.address("/products"), format!("{head}{headers}\r\n"))
    };
    assert_eq!(send(&format!("Authorization: {good}\r\n")).status(), 200);
    for headers in refused {
        let answer = send(&headers);
        assert_eq!(answer.status(), 401, "{headers}: {answer:?}");
        answer.expect_failure(401, "Unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{headers}");
    }
}

fn a_token_counts_in_the_authorization_header_alone(combination: &Combination) {
    let app = combination.start();
    let token = app.token();
    let bearer = format!("Bearer {token}");
    let form = format!("access_token={token}");
    for name in ["access_token", "token", "jwt", "authorization", "Authorization"] {
        let url = app.url(&format!("/products?{name}={token}"));
        expect_refused(app.client.send("GET", &url, &[], None), name);
        let cookie = format!("{name}={token}");
        let headers = [("Cookie", cookie.as_str())];
        expect_refused(app.client.send("GET", &app.url("/products"), &headers, None), name);
    }
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let answer = app.client.send("POST", &app.url("/products"), &headers, Some(form.as_bytes()));
    expect_refused(answer, "a form");
    // Beside a genuine header, they neither help nor harm.
    let url = app.url("/products?access_token=x&token=y");
    let headers = [("Authorization", bearer.as_str()), ("Cookie", "token=x")];
    app.client.send("GET", &url, &headers, None).expect(200);
}

fn a_refusal_tells_nothing_but_that_it_is_one(combination: &Combination) {
    let app = combination.start();
    let send = |method: &str, path: &str, body: Option<&[u8]>| {
        app.client.send(method, &app.url(path), &[], body)
    };
    // What is there and what is not, what is well-formed and what is not, look the same.
    for path in ["/products", "/products/prod_001", "/products/none", "/products/none/x"] {
        expect_refused(send("GET", path, None), path);
    }
    for path in ["/customers", "/customers/cust_001/orders", "/customers/none"] {
        expect_refused(send("GET", path, None), path);
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        expect_refused(send(method, "/products/prod_001", Some(b"{")), method);
    }
    assert_eq!(app.get("/products/prod_001").expect(200).json["success"], true);
}
