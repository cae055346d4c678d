use super::*;

const SOCKET: &str = "[database]\nhost = \"/run/postgresql\"\n";

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, environment)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match parse(text, environment) {
        Err(Error::Config(problems)) => problems
            .to_string()
            .lines()
            .map(|line| line.trim().to_owned())
            .collect(),
        other => panic!("no problems but {other:?}"),
    }
}

#[test]
fn defaults_are_those_documented() {
    let config = parse(SOCKET, &[]).unwrap();
    assert_eq!(config.cycle.interval.as_secs(), 15);
    assert_eq!(config.cycle.refresh_interval.as_secs(), 15);
    assert_eq!(config.cycle.refresh_timeout.as_secs(), 3600);
    assert_eq!((config.cycle.concurrency, config.cycle.refresh), (32, true));
    assert_eq!(
        (config.lease.shards.as_slice(), config.lease.ttl.as_secs()),
        ([0].as_slice(), 30)
    );
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:9797");
    assert_eq!(
        (config.log.format, config.log.level.as_str()),
        (LogFormat::Text, "info")
    );
    assert_eq!(config.database.tls, Tls::Prefer);
    assert_eq!(config.database.statement_timeout.as_secs(), 30);
    assert_eq!(config.database.connect_timeout.as_secs(), 5);
    assert_eq!(config.kubernetes.request_timeout.as_secs(), 10);
    assert!(
        config
            .lease
            .holder
            .contains(&format!("-{}-", std::process::id()))
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = format!("{SOCKET}[cycle]\ninterval = \"20s\"\n[http]\nlisten = \"127.0.0.1:1\"\n");
    let environment = [
        ("PRESCALE_CYCLE_INTERVAL", "5s"),
        ("PRESCALE_LEASE_SHARDS", "2, 1"),
        ("PRESCALE_CYCLE_REFRESH", "false"),
        ("PRESCALE_LISTEN", "0.0.0.0:9000"),
        ("PRESCALE_DATABASE_PORT", "6432"),
    ];
    let config = parse(&text, &environment).unwrap();
    assert_eq!(
        (config.cycle.interval.as_secs(), config.cycle.refresh),
        (5, false)
    );
    assert_eq!(config.lease.shards, [1, 2]);
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.database.connection.get_ports(), [6432]);
}

#[test]
fn everything_wrong_is_reported_at_once_with_path_and_value() {
    let text = "colour = 1\n[database]\nhots = \"x\"\ntls = \"maybe\"\n[cycle]\ninterval = 15\n[lease]\nshards = [1, 1]\n\
                [http]\nlisten = \"here\"\n[log]\nlevel = \"x=y=z\"\n";
    let found = problems(
        text,
        &[
            ("PRESCALE_CYCLE_CONCURRENCY", "none"),
            ("PRESCALE_HTTP_LISTNE", "x"),
        ],
    );
    let expected = [
        "database.tls = \"maybe\": give one of disable, prefer, require, verify-full",
        "database.hots: no such key; known are url, host, port, user, dbname, password, password_file, tls, ca_file, \
         statement_timeout, connect_timeout",
        "database.url: give url, or host (a name, an address or the folder of a socket)",
        "cycle.interval = 15: give a length of time above zero with its unit, such as \"15s\" or \"500ms\"",
        "PRESCALE_CYCLE_CONCURRENCY = \"none\": give a whole number from 1 to 1000",
        "lease.shards = [1, 1]: give one or more different shard numbers, such as [0, 1]",
        "http.listen = \"here\": give an IP address and a port, such as \"127.0.0.1:9797\"",
        "PRESCALE_HTTP_LISTNE: no such variable; known are PRESCALE_HTTP_LISTEN",
        "log.level = \"x=y=z\": give error, warn, info, debug, trace or a filter such as \"info,kube=debug\"",
        "colour: no such section; known are database, cycle, lease, http, log, kubernetes",
    ];
    assert_eq!(found, expected);
}

#[test]
fn secrets_are_shown_neither_in_errors_nor_in_debug_output() {
    let url = "[database]\nurl = \"postgres://me:hunter2@db:5432/metrics\"\n";
    let shown = format!("{:?}", parse(url, &[]).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    let shown = format!(
        "{:?}",
        parse(SOCKET, &[("PRESCALE_DATABASE_PASSWORD", "hunter2")]).unwrap()
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    for text in [
        "[database]\nurl = \"me:hunter2@db\"\n",
        "[database]\nurl = \"postgres://me:hunter2@db:port/metrics\"\n",
        "[database]\nurl = \"postgres://db/x\"\npassword = [\"hunter2\"]\n",
        "[database]\npassword = \"hunter2\n",
    ] {
        let found = problems(text, &[]).join("\n");
        assert!(
            !found.contains("hunter2") && !found.contains("ter2"),
            "{found}"
        );
    }
}

#[test]
fn what_contradicts_is_refused() {
    let both = format!("{SOCKET}url = \"postgres://db/x\"\n");
    assert_eq!(
        problems(&both, &[]),
        ["database.url: give either url or host, port, user and dbname"]
    );
    let passwords = format!("{SOCKET}password = \"x\"\npassword_file = \"/p\"\n");
    assert_eq!(
        problems(&passwords, &[]),
        ["database.password: give either password or password_file"]
    );
    let authority = format!("{SOCKET}tls = \"require\"\nca_file = \"/ca.pem\"\n");
    assert_eq!(
        problems(&authority, &[]),
        ["database.ca_file = /ca.pem: has an effect with tls = \"verify-full\" only"]
    );
    let short = format!("{SOCKET}[lease]\nttl = \"20s\"\n");
    assert_eq!(
        problems(&short, &[]),
        ["lease.ttl = 20s: must be at least twice cycle.interval, which is 15s"]
    );
}

#[test]
fn a_url_may_carry_the_tls_settings_of_libpq() {
    let text = "[database]\nurl = \"postgres://me@db/metrics?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3\"\n";
    let config = parse(text, &[]).unwrap();
    assert_eq!(
        (config.database.tls, config.database.ca_file),
        (Tls::VerifyFull, Some("/ca.pem".into()))
    );
    let found = problems(
        "[database]\nurl = \"postgres://db/x?sslmode=verify-ca\"\n",
        &[],
    );
    assert_eq!(
        found,
        [
            "database.url: its sslmode is not known: give one of disable, prefer, require, verify-full"
        ]
    );
}

#[test]
fn variables_that_kubernetes_sets_for_services_are_nobodys_mistake() {
    let environment = [
        ("PRESCALE_DATABASE_SERVICE_HOST", "10.0.0.1"),
        ("PRESCALE_DATABASE_PORT_5432_TCP", "tcp://10.0.0.1:5432"),
        ("PRESCALE_PORT", "tcp://10.0.0.2:80"),
    ];
    assert!(parse(SOCKET, &environment).is_ok());
}

#[test]
fn a_longer_interval_brings_a_longer_lease() {
    let config = parse(&format!("{SOCKET}[cycle]\ninterval = \"1m\"\n"), &[]).unwrap();
    assert_eq!(config.lease.ttl.as_secs(), 120);
    assert_eq!(config.cycle.refresh_interval.as_secs(), 60);
}
