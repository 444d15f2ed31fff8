//! A registry with images on loopback, rows on them, a model, and who looks at the engine meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use wiremock::{Request, Respond, ResponseTemplate};

use crate::live::serve_with;
use crate::program::Program;

/// How many images there are.
pub(crate) const IMAGES: usize = 40;
/// Makes them and puts them into the registry.
const SCRIPT: &str = include_str!("images.sh");
/// The tests of every instance.
const TESTS: &str = "\
cd /testbed
set -x
: '>>>>> Start Test Output'
if grep -q two code.txt; then echo PASSED f; else echo FAILED f; fi
: '>>>>> End Test Output'
";

/// Works for a while, then hands in.
struct Worker;

impl Respond for Worker {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let has_worked = body["messages"].as_array().unwrap().iter().any(|message| message["role"] == "assistant");
        let (name, arguments) = match has_worked {
            false => ("bash", json!({ "command": "sleep 2; echo two > code.txt" })),
            true => ("finish", json!({})),
        };
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        let call = json!({ "id": "c1", "type": "function", "function": function });
        let message = json!({ "role": "assistant", "content": "", "tool_calls": [call] });
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2 });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": "tool_calls" }]);
        ResponseTemplate::new(200).set_body_json(json!({ "choices": choices, "usage": usage }))
    }
}

/// A registry with images on loopback, rows on them, and the program.
pub(crate) struct Place {
    pub(crate) program: Program,
    /// The bytes of all layers, each once.
    pub(crate) bytes: u64,
    address: String,
    layers: Vec<String>,
    registry: Child,
    _model: tokio::runtime::Runtime,
}

impl Drop for Place {
    fn drop(&mut self) {
        for image in self.here() {
            let _ = Command::new("docker").args(["rmi", "-f", &image]).output();
        }
        let _ = self.registry.kill();
        let _ = self.registry.wait();
    }
}

impl Place {
    /// Returns a place whose registry sends these headers with all that it answers.
    pub(crate) fn with_headers(headers: &Value) -> Self {
        let (model, url) = serve_with(Worker);
        let program = Program::new().with("OPENAI_BASE_URL", &url).with("OPENAI_API_KEY", "none");
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let settings = json!({
            "version": 0.1,
            "log": { "accesslog": { "disabled": false }, "level": "error" },
            "storage": { "filesystem": { "rootdirectory": program.path("registry") } },
            "http": { "addr": address, "headers": headers },
        });
        fs::write(program.path("registry.yml"), settings.to_string()).unwrap();
        let registry = serve_registry(&program);
        fs::create_dir(program.path("made")).unwrap();
        fs::write(program.path("images.sh"), SCRIPT).unwrap();
        let mut script = Command::new("bash");
        script.arg(program.path("images.sh")).arg(&address).arg(program.path("made"));
        let output = script.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "the images cannot be made");
        let text = String::from_utf8(output.stdout).unwrap();
        let of = |name: &'static str| text.lines().filter_map(move |line| line.strip_prefix(name)?.split(' ').nth(1));
        let bytes = of("bytes").next().unwrap().parse().unwrap();
        let layers = of("layer").map(str::to_owned).collect();
        fs::remove_dir_all(program.path("made")).unwrap();
        let place = Self { program, bytes, address, layers, registry, _model: model };
        place.write_rows(of("commit").next().unwrap());
        place
    }

    /// Ends the registry until [`Place::start_registry`].
    pub(crate) fn stop_registry(&mut self) {
        self.registry.kill().unwrap();
        self.registry.wait().unwrap();
    }

    pub(crate) fn start_registry(&mut self) {
        self.registry = serve_registry(&self.program);
    }

    fn write_rows(&self, commit: &str) {
        let row = |number: usize| {
            json!({
                "instance_id": format!("o__r{}-{number}", number % 4), "repo": format!("o/r{}", number % 4),
                "version": "1.0", "base_commit": commit, "patch": "", "test_patch": "", "problem_statement": "Mend it.",
                "image": self.image(number), "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": [], "eval_script": TESTS,
                "log_parser": "parse_log_pytest",
            })
        };
        let rows: String = (0..IMAGES).map(|number| format!("{}\n", row(number))).collect();
        fs::write(self.program.path("rows.jsonl"), rows).unwrap();
    }

    pub(crate) fn image(&self, number: usize) -> String {
        format!("{}/i{number}:1", self.address)
    }

    /// Returns how often each layer was pulled whole, by the registry's own log.
    pub(crate) fn pulls(&self) -> BTreeMap<String, u32> {
        let log = fs::read_to_string(self.program.path("registry.log")).unwrap();
        let mut pulls: BTreeMap<String, u32> = self.layers.iter().map(|layer| (layer.clone(), 0)).collect();
        for line in log.lines() {
            let Some((_, rest)) = line.split_once("\"GET ") else { continue };
            let (Some((path, rest)), true) = (rest.split_once(' '), rest.contains("/blobs/")) else { continue };
            let digest = path.rsplit('/').next().unwrap();
            if rest.starts_with("HTTP/1.1\" 200 ")
                && let Some(count) = pulls.get_mut(digest)
            {
                *count += 1;
            }
        }
        pulls
    }

    /// Returns the images of the registry that the engine has.
    pub(crate) fn here(&self) -> Vec<String> {
        let all = docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
        all.lines().filter(|name| name.starts_with(&self.address)).map(str::to_owned).collect()
    }
}

fn serve_registry(program: &Program) -> Child {
    let log = File::options().create(true).append(true).open(program.path("registry.log")).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(program.path("registry.yml")).stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap_or_else(|err| panic!("needs Debian's docker-registry: {err}"))
}

/// Runs the engine's client.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output();
    let output = output.unwrap_or_else(|err| panic!("needs Docker, whose client does not start: {err}"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the engine had at a moment.
pub(crate) struct Sample {
    /// Bytes of all layers, those of images that are still being pulled included, beyond those at the beginning.
    pub(crate) bytes: u64,
    /// How many sandboxes.
    pub(crate) containers: usize,
}

/// Looks at the engine again and again. Nobody else may pull images meanwhile.
pub(crate) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

impl Sampler {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, before) = (stop.clone(), layers());
        let thread = thread::spawn(move || {
            let mut samples = Vec::new();
            while !told.load(Ordering::Relaxed) {
                let containers = docker(&["ps", "-q", "--filter", "label=spotter.run"]).lines().count();
                samples.push(Sample { bytes: layers().saturating_sub(before), containers });
                thread::sleep(Duration::from_millis(100));
            }
            samples
        });
        Self { stop, thread }
    }

    pub(crate) fn stop(self) -> Vec<Sample> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Returns the bytes of all layers of the engine.
fn layers() -> u64 {
    let socket = ["-s", "--unix-socket", "/var/run/docker.sock", "http://engine/v1.41/system/df"];
    let output = Command::new("curl").args(socket).output().unwrap();
    let known: Value = serde_json::from_slice(&output.stdout).unwrap();
    known["LayersSize"].as_u64().unwrap()
}
