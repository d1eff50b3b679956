//! Regions and their hosts, from the official SDK's region list (3.1.219).

/// Regions whose host is `gaussdb-opengauss.{region}.myhuaweicloud.com`.
const OPENGAUSS: [&str; 17] = [
    "cn-north-2",
    "cn-north-4",
    "cn-north-9",
    "cn-east-3",
    "cn-south-1",
    "cn-south-2",
    "cn-south-4",
    "cn-southwest-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "af-south-1",
    "la-north-2",
    "la-south-2",
    "sa-brazil-1",
    "ru-northwest-2",
];

/// Regions whose host is `gaussdb.{region}.myhuaweicloud.com`. Elsewhere that host is another product with similar paths.
const GAUSSDB: [&str; 8] = ["cn-east-2", "cn-east-4", "cn-east-5", "cn-north-12", "ap-southeast-5", "tr-west-1", "me-east-1", "af-north-1"];

/// All regions of the list, sorted.
pub fn all() -> Vec<&'static str> {
    let mut all: Vec<_> = OPENGAUSS.into_iter().chain(GAUSSDB).collect();
    all.sort_unstable();
    all
}

/// The endpoint of a region of the list, or nothing: then it has to be configured.
pub fn endpoint(region: &str) -> Option<String> {
    let product = if OPENGAUSS.contains(&region) {
        "gaussdb-opengauss"
    } else if GAUSSDB.contains(&region) {
        "gaussdb"
    } else {
        return None;
    };
    Some(format!("https://{product}.{region}.myhuaweicloud.com"))
}

/// The regional IAM endpoint. A token from it is valid in that region only.
pub fn iam_endpoint(region: &str) -> String {
    match region {
        "eu-west-101" => "https://iam.eu-west-101.myhuaweicloud.eu".to_owned(),
        _ => format!("https://iam.{region}.myhuaweicloud.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_have_their_own_host_and_unknown_regions_none() {
        assert_eq!(all().len(), 25);
        assert_eq!(endpoint("ap-southeast-1").as_deref(), Some("https://gaussdb-opengauss.ap-southeast-1.myhuaweicloud.com"));
        assert_eq!(endpoint("tr-west-1").as_deref(), Some("https://gaussdb.tr-west-1.myhuaweicloud.com"));
        assert_eq!(endpoint("eu-west-101"), None);
    }
}
