//! Many writes of one customer at once.

use super::{customer, rows};
use crate::app::Combination;
use crate::cases;
use crate::client::Answer;
use serde_json::json;
use std::sync::Barrier;

cases![
    Everywhere:
        of_20_creations_of_one_id_at_once_one_succeeds,
        of_20_creations_with_one_email_at_once_one_succeeds,
        of_20_updates_to_one_email_at_once_one_succeeds,
        of_20_deletions_at_once_one_succeeds;
];

fn of_20_creations_of_one_id_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start_empty();
    let answers = at_once(20, |number| {
        let email = format!("c{number}@example.com");
        let name = format!("Number {number}");
        app.post("/customers", &customer(json!({ "id": "one", "email": email, "name": name })))
    });
    let winner = expect_one(answers, 201, 409, "Customer with this ID or email already exists");
    let list = app.get("/customers").expect(200);
    assert_eq!(rows(&list), [winner.json["data"].clone()]);
}

fn of_20_creations_with_one_email_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start_empty();
    let answers = at_once(20, |number| {
        let email = if number % 2 == 0 { "one@example.com" } else { "ONE@example.com" };
        app.post("/customers", &customer(json!({ "id": format!("c{number}"), "email": email })))
    });
    let winner = expect_one(answers, 201, 409, "Customer with this ID or email already exists");
    let list = app.get("/customers").expect(200);
    assert_eq!(rows(&list), [winner.json["data"].clone()]);
}

fn of_20_updates_to_one_email_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start();
    let answers = at_once(20, |number| {
        let path = format!("/customers/cust_{:03}", number + 1);
        app.put(&path, &json!({ "email": "one@example.net" }))
    });
    expect_one(answers, 200, 409, "Email already in use");
    assert_eq!(app.get("/customers?email=one@example.net").expect(200).json["count"], 1);
}

fn of_20_deletions_at_once_one_succeeds(combination: &Combination) {
    let app = combination.start();
    let answers = at_once(20, |_| app.delete("/customers/cust_040"));
    expect_one(answers, 200, 404, "Customer not found");
}

/// Runs a job on many threads, all released at the same moment.
fn at_once<T: Send>(threads: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let (start, job) = (&start, &job);
        let started = (0..threads).map(|number| {
            scope.spawn(move || {
                start.wait();
                job(number)
            })
        });
        let started: Vec<_> = started.collect();
        started.into_iter().map(|thread| thread.join().expect("no answer")).collect()
    })
}

/// Fails the test unless one answer has the first status and all others are this failure.
#[track_caller]
fn expect_one(answers: Vec<Answer>, one: u16, others: u16, error: &str) -> Answer {
    let all = answers.len();
    let (mut first, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == one);
    assert_eq!((first.len(), rest.len()), (1, all - 1));
    for answer in rest {
        answer.expect_failure(others, error);
    }
    first.remove(0)
}
