//! What is scaled, as the column `target` says it.

use prescale_core::time::Micros;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::length;

/// What is scaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Anything in Kubernetes that has the scale subresource.
    Kubernetes(ScaleRef),
    /// A target of the worker's own, for replays and trials.
    Simulated(SimulatedSpec),
    /// Nothing: the workload is forecast only.
    None,
}

/// An object with a scale subresource. Every part is checked to be a name, as they become parts of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleRef {
    /// `apps/v1`
    pub(crate) api_version: String,
    /// Plural, as in the URL: `deployments`
    pub(crate) resource: String,
    /// Namespace.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
}

/// A simulated target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SimulatedSpec {
    /// From asking for a unit to its being ready.
    pub(crate) ready_after: Micros,
    /// Units that it begins with.
    pub(crate) units: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulatedText {
    ready_after: Option<String>,
    units: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Target {
    /// Reads the JSON of the column.
    ///
    /// # Errors
    /// What is wrong, with the offending value.
    pub(crate) fn parse(json: &Value) -> Result<Self, String> {
        let object = json
            .as_object()
            .ok_or_else(|| format!("{json} is not an object"))?;
        let mut fields = object.clone();
        let kind = fields.remove("kind").ok_or("it has no kind")?;
        match kind.as_str() {
            Some("kubernetes") => from_fields::<ScaleRef>(fields)?
                .checked()
                .map(Self::Kubernetes),
            Some("simulated") => from_fields::<SimulatedText>(fields)?
                .checked()
                .map(Self::Simulated),
            Some("none") => from_fields::<Nothing>(fields).map(|Nothing {}| Self::None),
            _ => Err(format!(
                "kind {kind} is not known; known are kubernetes, simulated and none"
            )),
        }
    }
}

fn from_fields<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

impl ScaleRef {
    fn checked(self) -> Result<Self, String> {
        let Self {
            api_version,
            resource,
            namespace,
            name,
        } = &self;
        let (group, version) = self.group_version();
        let fields = [
            ("api_version", group.unwrap_or("core")),
            ("api_version", version),
            ("resource", resource),
        ];
        for (field, part) in fields
            .into_iter()
            .chain([("namespace", namespace.as_str()), ("name", name.as_str())])
        {
            if !is_name(part) {
                let value = if field == "api_version" {
                    api_version
                } else {
                    part
                };
                return Err(format!("{field} \"{value}\" is not a name of Kubernetes"));
            }
        }
        Ok(self)
    }

    /// The group (`None` for the core group) and the version.
    pub(crate) fn group_version(&self) -> (Option<&str>, &str) {
        match self.api_version.split_once('/') {
            Some((group, version)) => (Some(group), version),
            None => (None, &self.api_version),
        }
    }
}

/// A DNS-1123 subdomain: what Kubernetes allows in names of objects, at most 253 characters.
fn is_name(text: &str) -> bool {
    let is_end = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_end(byte) || byte == b'-' || byte == b'.';
    let bytes = text.as_bytes();
    text.len() <= 253
        && bytes.first().is_some_and(|byte| is_end(*byte))
        && bytes.last().is_some_and(|byte| is_end(*byte))
        && bytes.iter().all(|byte| is_inner(*byte))
        && !text.contains("..")
}

impl SimulatedText {
    fn checked(self) -> Result<SimulatedSpec, String> {
        let ready_after = match self.ready_after.as_deref() {
            None | Some("0" | "00:00:00") => 0,
            Some(text) => length(text)
                .and_then(|length| Micros::try_from(length.as_micros()).ok())
                .ok_or_else(|| {
                    format!("ready_after \"{text}\" is not a length of time such as \"5 minutes\"")
                })?,
        };
        Ok(SimulatedSpec {
            ready_after,
            units: self.units.unwrap_or(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use prescale_core::time::MINUTE;
    use serde_json::json;

    use super::*;

    fn deployment(name: &str) -> Value {
        json!({"kind": "kubernetes", "api_version": "apps/v1", "resource": "deployments", "namespace": "web", "name": name})
    }

    #[test]
    fn a_deployment_is_read() {
        let Ok(Target::Kubernetes(scale)) = Target::parse(&deployment("front")) else {
            panic!("not kubernetes")
        };
        assert_eq!(scale.group_version(), (Some("apps"), "v1"));
        assert_eq!(
            (scale.namespace.as_str(), scale.name.as_str()),
            ("web", "front")
        );
    }

    #[test]
    fn a_name_that_would_change_the_url_is_refused() {
        for name in ["../secrets", "a/b", "a?dryRun=All", "", "A", "a..b", "-a"] {
            let error = Target::parse(&deployment(name)).unwrap_err();
            assert_eq!(
                error,
                format!("name \"{name}\" is not a name of Kubernetes")
            );
        }
    }

    #[test]
    fn a_simulated_target_takes_lengths_as_postgresql_writes_them() {
        for text in ["5 minutes", "00:05:00", "5m"] {
            let target =
                Target::parse(&json!({"kind": "simulated", "ready_after": text, "units": 3}));
            assert_eq!(
                target,
                Ok(Target::Simulated(SimulatedSpec {
                    ready_after: 5 * MINUTE,
                    units: 3
                }))
            );
        }
        let plain = Target::parse(&json!({"kind": "simulated"}));
        assert_eq!(
            plain,
            Ok(Target::Simulated(SimulatedSpec {
                ready_after: 0,
                units: 1
            }))
        );
        let error =
            Target::parse(&json!({"kind": "simulated", "ready_after": "soon"})).unwrap_err();
        assert_eq!(
            error,
            "ready_after \"soon\" is not a length of time such as \"5 minutes\""
        );
    }

    #[test]
    fn what_is_not_a_target_says_why() {
        assert_eq!(Target::parse(&json!({"kind": "none"})), Ok(Target::None));
        assert_eq!(Target::parse(&json!(5)).unwrap_err(), "5 is not an object");
        assert_eq!(Target::parse(&json!({})).unwrap_err(), "it has no kind");
        let unknown = Target::parse(&json!({"kind": "vm"})).unwrap_err();
        assert_eq!(
            unknown,
            "kind \"vm\" is not known; known are kubernetes, simulated and none"
        );
        let negative = Target::parse(&json!({"kind": "simulated", "units": -1})).unwrap_err();
        assert!(negative.contains("-1"), "{negative}");
        let extra = Target::parse(&json!({"kind": "none", "nmae": "x"})).unwrap_err();
        assert!(extra.contains("nmae"), "{extra}");
        let missing =
            Target::parse(&json!({"kind": "kubernetes", "api_version": "apps/v1"})).unwrap_err();
        assert!(missing.contains("resource"), "{missing}");
    }
}
