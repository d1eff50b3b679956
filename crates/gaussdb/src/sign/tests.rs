use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn pairs(url: &str) -> (String, Vec<(String, String)>) {
    let rest = url.split_once("://").unwrap().1;
    let path_and_query = &rest[rest.find('/').unwrap_or(rest.len())..];
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let decode = |t: &str| percent_decode_str(t).decode_utf8().unwrap().into_owned();
    let query =
        query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').map(|(k, v)| (decode(k), decode(v))).unwrap()).collect();
    (path.to_owned(), query)
}

/// Produced by the unmodified official Python signer; see the notes inside the file.
#[test]
fn agrees_with_the_official_signer() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../../testdata/signing-vectors.json")).unwrap();
    assert!(vectors.len() >= 3, "the file lost its vectors");
    for v in vectors {
        let text = |k: &str| v[k].as_str().unwrap_or_default().to_owned();
        let (path, query) = pairs(&text("url"));
        let headers: Vec<_> = v["headers"].as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect();
        let body = text("body");
        let request = Signable { method: &text("method"), path: &path, query: &query, headers: &headers, body: body.as_bytes() };
        assert_eq!(canonical_request(&request), text("canonical_request"), "{}", text("name"));
        assert_eq!(string_to_sign(&canonical_request(&request), &text("x_sdk_date")), text("string_to_sign"), "{}", text("name"));
        assert_eq!(authorization(&request, &text("ak"), &text("sk")), text("authorization"), "{}", text("name"));
        let sent = text("url").split_once('?').map(|(_, q)| q.to_owned()).unwrap_or_default();
        assert_eq!(query_string(&query), sent, "{}: the query sent is the query signed", text("name"));
    }
}

#[test]
fn corners_of_the_encoding() {
    assert_eq!(encode("a b+c*d~e_f.g-h/数:,"), "a%20b%2Bc%2Ad~e_f.g-h%2F%E6%95%B0%3A%2C");
    assert_eq!(canonical_path("/v3/a%20b"), "/v3/a%20b/");
    assert_eq!(canonical_path("/v3/a%2Fb"), "/v3/a/b/", "an encoded slash becomes a real one, so ids must not contain it");
    assert_eq!(canonical_path(""), "/");
    let q = |pairs: &[(&str, &str)]| query_string(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>());
    assert_eq!(q(&[("tags", "env=prod"), ("tags", "app=x"), ("a", "")]), "a=&tags=app%3Dx&tags=env%3Dprod");
    assert_eq!(q(&[("a", "~"), ("a", "é")]), "a=~&a=%C3%A9");
}

proptest! {
    #[test]
    fn the_query_can_be_decoded_to_what_was_given(query in proptest::collection::vec((".{0,12}", ".{0,12}"), 0..6)) {
        let sent = query_string(&query);
        let mut wanted = query;
        wanted.sort();
        prop_assert!(sent.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-~%=&".contains(&b)));
        let (_, mut decoded) = pairs(&format!("https://h/p?{sent}"));
        decoded.sort();
        let wanted: Vec<_> = wanted.into_iter().filter(|(k, v)| !(k.is_empty() && v.is_empty())).collect();
        let decoded: Vec<_> = decoded.into_iter().filter(|(k, v)| !(k.is_empty() && v.is_empty())).collect();
        prop_assert_eq!(decoded, wanted);
    }

    #[test]
    fn canonicalising_anything_never_panics_and_is_stable(method in ".{0,8}", path in ".{0,60}", body in proptest::collection::vec(any::<u8>(), 0..40),
        headers in proptest::collection::vec((".{0,10}", ".{0,10}"), 0..5)) {
        let request = Signable { method: &method, path: &path, query: &[], headers: &headers, body: &body };
        let once = canonical_request(&request);
        prop_assert_eq!(once, canonical_request(&request));
    }

    #[test]
    fn a_changed_body_or_date_changes_the_signature(body in proptest::collection::vec(any::<u8>(), 1..40), flip in 0usize..40) {
        let headers = [("X-Sdk-Date".to_owned(), "20260102T030405Z".to_owned())];
        let sign = |body: &[u8]| authorization(&Signable { method: "POST", path: "/x", query: &[], headers: &headers, body }, "ak", "sk");
        let mut other = body.clone();
        let at = flip % other.len();
        other[at] ^= 1;
        prop_assert_ne!(sign(&body), sign(&other));
    }
}
