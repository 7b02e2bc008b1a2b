//! One limit for many gateways: the bucket in Redis, and what holds while Redis is away.
//!
//! A Redis that misses its deadline on a busy machine is away for that moment, and the gateway says
//! so in its log. What is exact is therefore told of rounds in which no gateway did.

use super::wire::{Connection, Gateway, Message};
use crate::app::Combination;
use crate::cases;
use crate::kit::{Redis, figure, until};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

cases![
    OnPostgres:
        of_200_requests_at_once_over_two_gateways_100_pass,
        two_gateways_tell_what_is_left_in_one_bucket,
        a_killed_redis_hands_out_no_fresh_bucket,
        a_frozen_redis_hands_out_no_fresh_bucket,
        whatever_stands_in_redis_the_limit_holds;
    Once: a_redis_that_talks_nonsense_is_not_believed;
];

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: chronos\r\n\r\n";

/// Gateways that share a Redis; nothing here asks for a service.
fn gateways<const N: usize>(redis_url: &str, limit: &str) -> [Gateway; N] {
    let settings = [
        ("REDIS_URL", redis_url),
        ("RATE_LIMIT_PER_MINUTE", limit),
        ("RUST_LOG", "info,chronos::gateway=debug"),
    ];
    std::array::from_fn(|_| Gateway::with("http://127.0.0.1:9", &settings))
}

/// Requests that gateways have counted by themselves, although they have a Redis.
fn counted_alone(gateways: &[Gateway]) -> usize {
    gateways.iter().map(|one| one.process.log().matches("counted in this process").count()).sum()
}

#[track_caller]
fn health(gateway: &Gateway, source: [u8; 4]) -> Message {
    let answer = Connection::open_from(source, &gateway.address).send(HEALTH).answer();
    assert!([200, 429].contains(&answer.status()), "{answer:?}");
    assert!(answer.header("x-ratelimit-remaining").is_some(), "{answer:?}");
    answer
}

/// Addresses that no other test and no other round has used.
fn fresh_address() -> [u8; 4] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    [127, 0, 7, NEXT.fetch_add(1, Ordering::Relaxed)]
}

/// What a round says in which Redis answered every request in time.
#[track_caller]
fn undisturbed<T>(gateways: &[Gateway], round: impl Fn([u8; 4]) -> T) -> T {
    let mut told = None;
    until("Redis is in time for a whole round", || {
        let before = counted_alone(gateways);
        told = Some(round(fresh_address()));
        counted_alone(gateways) == before
    });
    told.expect("a round was")
}

/// L3: replicas are no way around the limit.
fn of_200_requests_at_once_over_two_gateways_100_pass(_: &Combination) {
    let redis = Redis::started();
    let both: [Gateway; 2] = gateways(&redis.url(), "100");
    let (passed, came_back) = undisturbed(&both, |source| {
        let gate = Barrier::new(200);
        let started = Instant::now();
        let one = |gateway| {
            gate.wait();
            health(gateway, source).status()
        };
        let one = &one;
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let turns = both.iter().cycle().take(200);
            let threads: Vec<_> = turns.map(|g| scope.spawn(move || one(g))).collect();
            threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
        });
        // The bucket gets one back every 600 ms.
        let came_back = started.elapsed().as_millis() / 600 + 1;
        let passed = statuses.iter().filter(|status| **status == 200).count();
        // Also where a gateway counted alone: never more than a bucket for each.
        assert!((100..=200).contains(&passed), "{passed} passed");
        (passed, usize::try_from(came_back).expect("a small number"))
    });
    figure("L3", "requests beyond 100, of 200 at once", passed.saturating_sub(100 + came_back));
    // Nobody else has paid for it.
    let left = undisturbed(&both, |source| {
        health(&both[0], source).header("x-ratelimit-remaining").map(str::to_owned)
    });
    assert_eq!(left.as_deref(), Some("99"));
}

/// L3: and each of them tells the truth about the other's part.
fn two_gateways_tell_what_is_left_in_one_bucket(_: &Combination) {
    let redis = Redis::started();
    let both: [Gateway; 2] = gateways(&redis.url(), "4");
    let [one, two] = &both;
    let told = undisturbed(&both, |source| {
        [one, two, two, one, two, one].map(|gateway| {
            let answer = health(gateway, source);
            let fields = ["x-ratelimit-limit", "x-ratelimit-remaining", "ratelimit-policy"];
            let told = fields.map(|name| answer.header(name).unwrap_or_default().to_owned());
            assert_eq!([told[0].as_str(), told[2].as_str()], ["4", "\"default\";q=4;w=60"]);
            (answer.status(), told[1].clone())
        })
    });
    let told = told.each_ref().map(|(status, left)| (*status, left.as_str()));
    assert_eq!(told, [(200, "3"), (200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0")]);
}

/// Three requests of one address fill the bucket of two gateways; then `away` takes Redis away, and
/// `back` gives it back. Meanwhile and after, each gateway lets no more through than one bucket.
fn outage(redis: &Redis, away: fn(&Redis), back: fn(&Redis)) {
    let started = Instant::now();
    let both: [Gateway; 2] = gateways(&redis.url(), "3");
    let [one, two] = &both;
    let source = undisturbed(&both, |source| {
        assert_eq!(health(one, source).status(), 200);
        source
    });
    away(redis);
    let pass =
        |gateway: &Gateway| (0..6).filter(|_| health(gateway, source).status() == 200).count();
    let mut passed = [1 + pass(one), pass(two)];
    back(redis);
    // Until both count with Redis again.
    undisturbed(&both, |source| [health(one, source), health(two, source)]);
    passed = [passed[0] + pass(one), passed[1] + pass(two)];
    // The bucket gets one back every 20 s.
    let came_back = usize::try_from(started.elapsed().as_secs() / 20).expect("small") + 1;
    for passed in passed {
        assert!((3..=3 + came_back).contains(&passed), "{passed:?} passed");
    }
    // And they share one bucket again.
    let left = undisturbed(&both, |source| {
        [one, two, one]
            .map(|g| health(g, source).header("x-ratelimit-remaining").map(str::to_owned))
    });
    assert_eq!(left, ["2", "1", "0"].map(|left| Some(left.to_owned())));
}

/// F3: still limited, and no request fails.
fn a_killed_redis_hands_out_no_fresh_bucket(_: &Combination) {
    outage(&Redis::started(), Redis::kill, Redis::start);
}

/// F3: as above, with a Redis that takes requests and does not answer.
fn a_frozen_redis_hands_out_no_fresh_bucket(_: &Combination) {
    outage(&Redis::started(), Redis::freeze, Redis::thaw);
}

fn whatever_stands_in_redis_the_limit_holds(_: &Combination) {
    let redis = Redis::started();
    let [gateway] = gateways(&redis.url(), "4");
    // What a bucket cannot be is a full one, or an empty one where it lies too far ahead.
    let contents = [
        ("SET KEY garbage", 200, "3"),
        ("SET KEY nan", 200, "3"),
        ("SET KEY -1", 200, "3"),
        ("SET KEY 12", 200, "3"),
        ("LPUSH KEY a", 200, "3"),
        ("HSET KEY a b", 200, "3"),
        ("SET KEY inf", 429, "0"),
        ("SET KEY 9e99", 429, "0"),
        ("SET KEY 99999999999999999999", 429, "0"),
    ];
    for (command, status, left) in contents {
        let alone = std::slice::from_ref(&gateway);
        let (answer, lifetime) = undisturbed(alone, |source| {
            let [a, b, c, d] = source;
            let key = format!("chronos:rate:{a}.{b}.{c}.{d}");
            redis.command(&command.replace("KEY", &key));
            let answer = health(&gateway, source);
            (answer, redis.command(&format!("PTTL {key}")))
        });
        assert_eq!(answer.status(), status, "{command}: {answer:?}");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left), "{command}");
        match answer.header("retry-after") {
            Some(seconds) => assert_eq!(seconds, "15", "{command}"),
            // It is forgotten when the bucket is full again: within 15 s, where one was taken.
            None => {
                let lifetime: i64 = lifetime
                    .lines()
                    .find_map(|line| line.strip_prefix(':'))
                    .and_then(|number| number.trim().parse().ok())
                    .expect("a number");
                assert!((1..=15_000).contains(&lifetime), "{command}: {lifetime} ms");
            }
        }
    }
}

/// A server that greets like Redis, and has one answer to every script.
fn pretend_redis(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || pretend(stream, answer));
        }
    });
    url
}

fn pretend(mut stream: TcpStream, answer: &str) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let words: Vec<String> =
            (0..number(&mut reader)?).map(|_| word(&mut reader)).collect::<Option<_>>()?;
        let reply = match words.first()?.to_uppercase().as_str() {
            "INFO" => "$44\r\nrun_id:0123456789abcdef0123456789abcdef\r\na:b\r\n",
            "EVALSHA" => answer,
            _ => "+OK\r\n",
        };
        stream.write_all(reply.as_bytes()).ok()?;
    }
}

/// The number in a line of Redis's protocol, such as `*3` or `$11`.
fn number(reader: &mut impl BufRead) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.get(1..)?.trim().parse().ok()
}

fn word(reader: &mut impl BufRead) -> Option<String> {
    let mut bytes = vec![0; number(reader)? + 2];
    reader.read_exact(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned())
}

fn a_redis_that_talks_nonsense_is_not_believed(_: &Combination) {
    let nonsense = [
        "+OK\r\n",
        "$-1\r\n",
        ":1\r\n",
        "*0\r\n",
        "*2\r\n:7\r\n:1\r\n",
        "*2\r\n:1\r\n:-5\r\n",
        "*2\r\n:1\r\n$3\r\nabc\r\n",
        "-ERR no scripts here\r\n",
        "what?\r\n",
    ];
    for answer in nonsense {
        let [gateway] = gateways(&pretend_redis(answer), "2");
        let statuses = [(); 4].map(|()| health(&gateway, [127, 0, 0, 1]).status());
        assert_eq!(statuses, [200, 200, 429, 429], "{answer:?}");
        assert!(counted_alone(&[gateway]) > 0, "{answer:?} was believed");
    }
}
