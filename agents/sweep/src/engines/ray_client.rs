//! The part of Ray's interface that sweeps need: jobs, and which nodes there are.
//!
//! Jobs are as <https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html> has them, nodes as
//! the state API does.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long an answer may take: a job is only taken down, not started, before it comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one cluster.
pub(super) struct RayClient {
    address: String,
    token: Option<String>,
}

/// A job that is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Request {
    pub(super) entrypoint: String,
    pub(super) submission_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint_num_cpus: Option<u32>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint_memory: Option<u64>,
    pub(super) entrypoint_resources: serde_json::Map<String, Value>,
}

/// What a cluster says of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Answer {
    pub(super) status: Status,
    /// The exit code of its command, below 0 where a signal ended it; older versions do not tell.
    #[serde(default)]
    pub(super) driver_exit_code: Option<i64>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Status {
    Pending,
    Running,
    Stopped,
    Succeeded,
    Failed,
}

impl RayClient {
    pub(super) fn new(address: &str, token: Option<String>) -> Self {
        Self { address: address.trim_end_matches('/').to_owned(), token }
    }

    /// Returns the whole address of a page.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Submits a job.
    pub(super) async fn submit(&self, request: &Request) -> anyhow::Result<()> {
        let body = serde_json::to_vec(request)?;
        let answer = self.ask(Method::POST, "/api/jobs/", Some(body)).await?;
        answer.map(drop).ok_or_else(|| self.is_none_of_ray())
    }

    /// Returns what the cluster says of a job; `None` where it knows of none.
    pub(super) async fn job(&self, id: &str) -> anyhow::Result<Option<Answer>> {
        let Some(text) = self.ask(Method::GET, &format!("/api/jobs/{id}"), None).await? else { return Ok(None) };
        let answer =
            serde_json::from_str(&text).with_context(|| format!("Ray's answer about the job `{id}` cannot be read"))?;
        Ok(Some(answer))
    }

    /// Ends a job, where there is one. One that has not been started is ended once it is.
    pub(super) async fn stop(&self, id: &str) -> anyhow::Result<()> {
        self.ask(Method::POST, &format!("/api/jobs/{id}/stop"), None).await.map(drop)
    }

    /// Returns the addresses of the nodes that live.
    pub(super) async fn nodes(&self) -> anyhow::Result<Vec<String>> {
        // More than 100 are told only where they are asked for.
        let text = self.ask(Method::GET, "/api/v0/nodes?limit=10000", None).await?;
        let text = text.ok_or_else(|| self.is_none_of_ray())?;
        let nodes = parse_nodes(&text).with_context(|| format!("Ray at `{}` lists no live nodes", self.address))?;
        Ok(nodes)
    }

    fn is_none_of_ray(&self) -> anyhow::Error {
        anyhow!(
            "`{}` is not the dashboard of a Ray cluster\nhint: set `engine.ray.address` or `RAY_API_SERVER_ADDRESS`",
            self.address
        )
    }

    /// Returns the text of an answer; `None` where there is no such page.
    async fn ask(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> anyhow::Result<Option<String>> {
        let mut request = client(&self.address)?.request(method, self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let unreachable = || {
            format!(
                "Ray at `{}` does not answer\nhint: start its head, or set `engine.ray.address` or `RAY_API_SERVER_ADDRESS`",
                self.address
            )
        };
        let response = request.send().await.with_context(unreachable)?;
        let status = response.status();
        let text = response.text().await.with_context(unreachable)?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => bail!(
                "Ray at `{}` rejected the token: {status}\nhint: set `RAY_AUTH_TOKEN` to that of the cluster",
                self.address
            ),
            status if status.is_success() => Ok(Some(text)),
            status => {
                // It answers with a stack; what went wrong is its last line.
                let why = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                bail!("Ray at `{}` refused: {status}: {}", self.address, why.chars().take(300).collect::<String>())
            }
        }
    }
}

/// Returns a client that keeps no connection, as one may be used in the runtime of another thread.
fn client(address: &str) -> anyhow::Result<Client> {
    // A process has one crypto provider; an earlier call has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0);
    if address.starts_with("http:") {
        // Loading the system's certificates takes longer than all the rest.
        builder = builder.tls_certs_only([]);
    }
    let host = address.split("://").nth(1).unwrap_or_default();
    if ["127.", "localhost", "[::1]"].iter().any(|own| host.starts_with(own)) {
        builder = builder.no_proxy();
    }
    builder.build().context("cannot create a client for Ray")
}

/// Reads the answer of the state API.
fn parse_nodes(text: &str) -> Option<Vec<String>> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let nodes = answer.pointer("/data/result/result")?.as_array()?;
    let lives = nodes.iter().filter(|node| node.get("state").and_then(Value::as_str) == Some("ALIVE"));
    let nodes: Vec<String> = lives.filter_map(|node| Some(node.get("node_ip")?.as_str()?.to_owned())).collect();
    Some(nodes).filter(|nodes| !nodes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ray_answers_is_read() {
        let node = |state: &str, ip: &str| format!(r#"{{"node_id":"x","node_ip":"{ip}","state":"{state}"}}"#);
        let list = |nodes: &[String]| format!(r#"{{"data":{{"result":{{"result":[{}]}}}}}}"#, nodes.join(","));
        let nodes = list(&[node("ALIVE", "10.0.0.1"), node("DEAD", "10.0.0.2"), node("ALIVE", "10.0.0.3")]);
        assert_eq!(parse_nodes(&nodes).unwrap(), ["10.0.0.1", "10.0.0.3"]);
        assert_eq!(parse_nodes(&list(&[])), None);
        assert_eq!(parse_nodes("<html>"), None);
        let job = r#"{"status":"FAILED","driver_exit_code":-9,"message":"m"}"#;
        let answer: Answer = serde_json::from_str(job).unwrap();
        assert_eq!(answer, Answer { status: Status::Failed, driver_exit_code: Some(-9) });
    }
}
