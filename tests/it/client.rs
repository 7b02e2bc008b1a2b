//! A small HTTP client for tests: every status is an answer, every body is read as JSON.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a test waits for one answer before it fails: far above any deadline of the product.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub json: Value,
}

impl Answer {
    /// The value of a header that occurs at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} occurs twice in {self:?}");
        value
    }

    /// Fails the test unless the status is this one; returns the answer for more.
    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{} {:?}", self.text, self.headers);
        self
    }

    /// Fails the test unless this is a failure in the envelope, with exactly this `error` text.
    #[track_caller]
    pub fn expect_failure(self, status: u16, error: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        assert_eq!(answer.json["success"], false, "{}", answer.text);
        assert_eq!(answer.json["error"], error, "{}", answer.text);
        let code = answer.json["code"].as_str().unwrap_or_default();
        let is_upper_snake = |c: char| c.is_ascii_uppercase() || c == '_';
        assert!(!code.is_empty() && code.chars().all(is_upper_snake), "{}", answer.text);
        let id = answer.json["request_id"].as_str();
        assert_eq!(id, answer.header("x-request-id"), "{}", answer.text);
        answer
    }
}

#[derive(Clone)]
pub struct Client(ureq::Agent);

impl Client {
    pub fn new() -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections_per_host(64)
            .allow_non_standard_methods(true)
            .timeout_global(Some(ANSWER_TIMEOUT))
            .build();
        Client(config.into())
    }

    /// Sends a request; panics when there is no answer.
    #[track_caller]
    pub fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        self.try_send(method, url, headers, body)
            .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
    }

    /// As [`Client::send`], for a server that may be away.
    pub fn try_send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => self.0.run(request.body(body)?)?,
            None => self.0.run(request.body(())?)?,
        };
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let headers = headers.collect();
        let text = response.into_body().into_with_config().limit(64 << 20).read_to_string()?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, text, json })
    }
}

/// Sends bytes as they are and reads until the server closes; for what no client would send.
pub fn send_raw(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the server accepts connections");
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).expect("a time-out that is not zero");
    stream.write_all(bytes).expect("the server reads");
    let mut answer = Vec::new();
    // A reset after the answer is an answer too.
    let _reset = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
