use super::*;
use patchboard_domain::account::Role;
use toml::{Table, Value};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

const KEYS: [(&str, &str); 2] = [("HUAWEICLOUD_SDK_AK", "ak"), ("HUAWEICLOUD_SDK_SK", "sk")];

fn refused(pairs: &[(&str, &str)]) -> String {
    load(None, &env(pairs)).err().map(|e| e.0).unwrap_or_default()
}

#[test]
fn the_defaults_are_those_of_the_code() {
    let config = load(None, &env(&[])).unwrap();
    let policy = Policy::default();
    assert_eq!(format!("{:?}", config.policy), format!("{policy:?}"));
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert!(config.clouds.is_empty());
}

#[test]
fn the_sdk_variables_and_a_region_are_enough() {
    let mut vars = KEYS.to_vec();
    vars.extend([
        ("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "p"),
        ("PATCHBOARD__POLICY__LEAD_MINUTES", "45"),
    ]);
    let config = load(None, &env(&vars)).unwrap();
    let cloud = &config.clouds[0];
    assert_eq!((cloud.name.as_str(), cloud.project_id.as_deref()), ("ap-southeast-1", Some("p")));
    assert_eq!(config.policy.lead_minutes, 45);
}

#[test]
fn single_sign_on_names_a_provider_and_what_its_groups_mean() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("patchboard.toml");
    let load_with = |text: &str, vars: &[(&str, &str)]| {
        std::fs::write(&file, text).unwrap();
        load(Some(&file), &env(vars))
    };
    let whole = "[oidc]\nissuer = \"https://login.example.com/realms/db\"\nclient_id = \"patchboard\"\noperators = [\"CN=dba,OU=x\"]\n";
    let sso = load_with(whole, &[("PATCHBOARD_OIDC_CLIENT_SECRET", "canary-of-the-client")]).unwrap().sso.unwrap();
    assert_eq!(sso.groups, [("CN=dba,OU=x".to_owned(), Role::Operator)]);
    assert!(!format!("{sso:?}").contains("canary"), "secrets are not in what is printed");
    assert!(load_with("", &[]).unwrap().sso.is_none());
    let refused = |text: &str| load_with(text, &[]).err().map(|e| e.0).unwrap_or_default();
    assert!(refused("[oidc]\nissuer = \"https://login.example.com\"\n").contains("oidc.client_id is missing"));
    assert!(refused("[oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"p\"\n").contains("no group gives a role"));
    assert!(refused(&whole.replace("https://", "http://")).contains("must be reached by https://"));
    assert!(refused("[session]\nsecond_factor = [\"boss\"]\n").contains("\"boss\" is no role"));
    assert!(refused("[session]\nconfirm_minutes = -1\n").contains("session.confirm_minutes"));
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    assert!(refused(&[("PATCHBOARD__SERVER__LISTENS", "x")]).contains("did you mean \"listen\""));
    assert!(refused(&[("PATCHBOARD__SERVR__LISTEN", "x")]).contains("did you mean \"server\""));
    assert!(refused(&[("PATCHBOARD__POLICY__LEAD_MINUTES", "soon")]).contains("whole number"));
    assert!(refused(&[("PATCHBOARD__POLICY__LEAD_MINUTES", "0")]).contains("at least 1"));
    assert!(refused(&[("PATCHBOARD__POLICY__LEAD_MINUTES", "999999999999999")]).contains("at most"));
    assert!(refused(&[("PATCHBOARD__LOG__LEVEL", "xx[[")]).contains("log.level"));
    assert!(refused(&[("PATCHBOARD__SERVER__PUBLIC_URL", "http://p.example")]).contains("https://HOST"));
    assert!(refused(&[("PATCHBOARD__SERVER__ZONE", "Mars/Base")]).contains("IANA"));
    assert!(refused(&[("PATCHBOARD__CLOUD__REGION", "ap-southeast-1")]).contains("HUAWEICLOUD_SDK_AK"));
}

#[test]
fn another_address_than_loopback_is_refused_with_the_reason() {
    assert!(refused(&[("PATCHBOARD__SERVER__LISTEN", "0.0.0.0:3000")]).contains("proxy with TLS"));
    let vars = [
        ("PATCHBOARD__SERVER__LISTEN", "0.0.0.0:3000"),
        ("PATCHBOARD__SERVER__PUBLIC_URL", "https://p.example"),
        ("PATCHBOARD__SERVER__PROXIES", "10.0.0.1, ::1"),
    ];
    let front = load(None, &env(&vars)).unwrap().front;
    assert!(front.secure && front.hosts == ["p.example"] && front.proxies.len() == 2);
}

#[test]
fn files_override_defaults_and_unknown_keys_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    std::fs::write(
        &path,
        "[policy]\nlead_minutes = 60\n[[freeze]]\nname = 'f'\nfrom = '2026-01-01T00:00:00Z'\nto = '2026-01-02T00:00:00Z'\n",
    )
    .unwrap();
    let config = load(Some(&path), &env(&[])).unwrap();
    assert_eq!((config.policy.lead_minutes, config.policy.freezes.len()), (60, 1));
    std::fs::write(&path, "[policy]\nlead_minuets = 60\n").unwrap();
    assert!(load(Some(&path), &env(&[])).unwrap_err().0.contains("did you mean \"lead_minutes\""));
}

#[cfg(unix)]
#[test]
fn several_clouds_have_a_section_each() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (path, key) = (dir.path().join("c.toml"), dir.path().join("sk"));
    std::fs::write(&key, "secret").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let section = |name: &str, more: &str| {
        format!("[clouds.{name}]\nregion = 'cn-north-4'\naccess_key = 'a'\nsecret_key_file = '{}'\n{more}\n", key.display())
    };
    let load_text = |text: String, vars: &[(&str, &str)]| {
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &env(vars))
    };
    let two = section("test-cn", "language = 'zh-cn'") + &section("prod-cn", "deadline_seconds = 5");
    let mut vars = KEYS.to_vec();
    vars.push(("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"));
    let config = load_text(two.clone(), &vars).unwrap();
    let names: Vec<_> = config.clouds.iter().map(|c| (c.name.as_str(), c.language.as_str(), c.deadline.as_secs())).collect();
    assert_eq!(names, [("ap-southeast-1", "en-us", 60), ("prod-cn", "en-us", 5), ("test-cn", "zh-cn", 60)]);

    let refused = |text: String, vars: &[(&str, &str)]| load_text(text, vars).err().map(|e| e.0).unwrap_or_default();
    assert!(refused(section("a", "regoin = 'x'"), &[]).contains("did you mean \"region\""));
    assert!(refused("[clouds.a]\nregion = 'cn-north-4'".to_owned(), &KEYS).contains("clouds.a.access_key"), "the SDK's keys are another's");
    assert!(refused("[clouds.a]\naccess_key = 'x'".to_owned(), &[]).contains("clouds.a.region is missing"));
    assert!(refused(section("ap-southeast-1", ""), &vars).contains("two connections are called"));
    for name in ["生产/华北", "a%b", "a;b", " a"] {
        assert!(refused(section(&format!("'{name}'"), ""), &[]).contains("needs a name without"), "{name}");
    }
    assert!(load_text(section("'生产 华北'", ""), &[]).is_ok());
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sk");
    std::fs::write(&path, "secret\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let name = path.to_str().unwrap();
    assert!(secret_file(name).unwrap_err().0.contains("chmod 600"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(secret_file(name).unwrap().as_deref(), Some("secret"));
}

/// Every key of the documented defaults, with its default.
fn keys() -> Vec<(String, String, Value)> {
    let table: Table = DEFAULTS.parse().unwrap();
    let sections = table.into_iter().filter_map(|(section, keys)| Some((section, keys.as_table()?.clone())));
    sections.flat_map(|(section, keys)| keys.into_iter().map(move |(key, value)| (section.clone(), key, value))).collect()
}

#[test]
fn a_wrong_type_is_named_with_its_key_and_where_it_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    let all = keys();
    assert!(all.len() > 45, "{}", all.len());
    for (section, key, default) in all {
        let wrong = match &default {
            Value::String(_) => "5",
            Value::Array(_) => "true",
            _ => "\"soon\"",
        };
        std::fs::write(&path, format!("# mine\n[{section}]\n{key} = {wrong}\n")).unwrap();
        let error = load(Some(&path), &env(&[])).unwrap_err().0;
        let (place, takes) = (format!("{} line 3: ", path.display()), format!("{section}.{key} takes "));
        assert!(error.starts_with(&place) && error.contains(&takes), "{error}");

        let variable = format!("PATCHBOARD__{}__{}", section.to_uppercase(), key.to_uppercase());
        let wrong = match default {
            Value::String(_) if key == "format" => "xml",
            // A variable is always text.
            Value::String(_) => continue,
            _ => "soon",
        };
        let error = refused(&[(variable.as_str(), wrong)]);
        assert!(error.starts_with(&format!("{variable}: {section}.{key} ")), "{error}");
        // The variable counts, whatever the file says.
        std::fs::write(&path, "[log]\nformat = \"json\"\n").unwrap();
        let error = load(Some(&path), &env(&[(variable.as_str(), wrong)])).unwrap_err().0;
        assert!(error.starts_with(&format!("{variable}: ")), "{error}");
    }
    assert!(refused(&[("PATCHBOARD__POLICY__LEAD_MINUTES", "soon")]).contains("takes a whole number, not \"soon\""));
    std::fs::write(&path, "[policy]\nlead_minutes = \"30\"\n").unwrap();
    let error = load(Some(&path), &env(&[])).unwrap_err().0;
    assert!(error.ends_with("line 2: policy.lead_minutes takes a whole number, not string \"30\""), "{error}");
}

#[test]
fn whatever_is_wrong_in_a_file_is_said_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    for (text, line, said) in [
        ("[policy]\nlead_minutes = 0\n", 2, "policy.lead_minutes must be at least 1"),
        ("[policy]\n\nlead_minuets = 1\n", 3, "did you mean \"lead_minutes\""),
        ("[servr]\n", 1, "did you mean \"server\""),
        ("policy = 3\n", 1, "[policy] is a section"),
        ("[policy]\nlead_minutes = soon\n", 2, "not TOML"),
        ("[sync]\nevery_seconds = 99999999999999999999\n", 2, "sync.every_seconds"),
        ("[sync]\ncandidate_calls = -1\n", 2, "sync.candidate_calls takes a whole number, 0 or more"),
        ("[[review.rule]]\ntag = \"prod\"\n", 2, "review.rule[0].tag"),
        ("[[review.rule]]\napprovals = 2\n[[review.rule]]\napproval = 2\n", 4, "unknown field `approval`"),
        ("[session]\nsecond_factor = [\n  \"approver\",\n  \"boss\",\n]\n", 4, "\"boss\" is no role"),
        ("[[freeze]]\nname = \"f\"\nfrom = \"x\"\nto = \"y\"\n", 3, "freeze[0].from"),
        ("[clouds.a]\nregion = \"r\"\nlanguage = \"xx\"\n", 3, "clouds.a.language"),
        ("[clouds.a]\nregion = \"r\"\n", 2, "clouds.a.access_key"),
        ("[log]\nformat = \"xml\"\n", 2, "log.format takes `text` or `json`"),
        ("[server]\nzone = \"UTC\"\nproxies = \"x\"\n", 3, "server.proxies"),
        ("[cloud]\nregion = \"r\"\nsecret_key_file = \"/nowhere\"\n", 3, "cloud.secret_key_file"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = load(Some(&path), &env(&[])).err().map(|e| e.0).unwrap_or_default();
        assert!(error.starts_with(&format!("{} line {line}: ", path.display())) && error.contains(said), "{text:?}: {error}");
    }
}

#[test]
fn an_endpoint_that_cannot_be_called_is_said_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("own.toml");
    for (text, line, said) in [
        ("[cloud]\nregion = \"ap-southeast-1\"\nendpoint = \"http://example.com\"\n", 3, "cloud.endpoint: "),
        ("[cloud]\nregion = \"ap-southeast-1\"\niam_endpoint = \"http://example.com\"\n", 3, "cloud.iam_endpoint: "),
        ("[cloud]\nregion = \"nowhere-1\"\n", 2, "cloud.region: "),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = load(Some(&path), &env(&KEYS)).err().map(|e| e.0).unwrap_or_default();
        assert!(error.starts_with(&format!("{} line {line}: {said}", path.display())), "{error}");
    }
}

#[test]
fn a_name_of_this_machine_can_be_listened_on() {
    let listen = |text| load(None, &env(&[("PATCHBOARD__SERVER__LISTEN", text)])).map(|c| c.listen);
    let address = listen("localhost:3000").unwrap();
    assert!(address.ip().is_loopback() && address.port() == 3000, "{address}");
    // A resolver takes it for 0.0.0.0.
    let error = listen("0:3000").unwrap_err().0;
    assert!(error.contains("server.listen 0:3000 (0.0.0.0:3000)") && error.contains("set server.public_url"), "{error}");
    for text in ["localhost", "127.0.0.1", ""] {
        let error = listen(text).unwrap_err().0;
        assert!(error.starts_with("PATCHBOARD__SERVER__LISTEN: server.listen") && error.contains("localhost:3000"), "{error}");
    }
}

#[test]
fn a_part_of_the_settings_is_read_without_the_rest() {
    let vars = [("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"), ("PATCHBOARD__OIDC__ISSUER", "http://x"), ("PATCHBOARD__STORE__URL", "u")];
    let settings = read(None, &env(&vars)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.store_url(), Ok("u"));
    assert!(settings.build().is_err());
    assert!(read(None, &env(&[("PATCHBOARD__CLOUD__REGIN", "x")])).is_err(), "keys that do not exist are refused all the same");
    assert!(read(None, &env(&[("PATCHBOARD__POLICY__LEAD_MINUTES", "x")])).is_err());
}
