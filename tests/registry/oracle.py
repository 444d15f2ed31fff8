"""A model that knows the solution: a chat completions server on loopback that plays instances' gold patches.

Each instance has a base URL of its own. What is answered follows from the gold patch and from what the messages of the
request show, and from nothing else: nothing is kept between requests. Which state of the agent asks is told by the
tools, which stand in the request, or in the system message where they are described there; then the answer is JSON in
the text.
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import gold
import oracle_actions
import oracle_states
from gold import Gold

Json = dict[str, Any]

TOKEN = 4
"""Bytes that make a token in the figures of an answer."""


class Oracle:
    """The server; it runs while it is entered."""

    def __init__(self, patches: dict[str, str]) -> None:
        golds = {instance_id: gold.parse(patch) for instance_id, patch in patches.items()}
        handler = type("InstanceHandler", (OracleHandler,), {"golds": golds})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True

    def __enter__(self) -> Oracle:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def base_url(self, instance_id: str) -> str:
        """Returns the address at which the model of an instance answers."""
        return f"http://127.0.0.1:{self.server.server_port}/{instance_id}/v1"


class OracleHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    golds: dict[str, Gold] = {}
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers a request for a completion."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = re.fullmatch(r"/([^/]+)/v1/chat/completions", self.path)
        if asked is None or asked[1] not in self.golds:
            self.send(404, failure(f"no model answers at {self.path}"))
            return
        try:
            self.send(200, completion(self.golds[asked[1]], json.loads(body)))
        except Exception as err:  # Whatever went wrong is told to the client, whose run it fails.
            self.send(400, failure(f"the oracle of {asked[1]}: {type(err).__name__}: {err}"))

    def send(self, status: int, answer: Json) -> None:
        """Sends an answer."""
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing of each request."""


def failure(message: str) -> Json:
    """Returns the body of an error."""
    return {"error": {"message": message, "type": "invalid_request_error"}}


def completion(gold: Gold, request: Json) -> Json:
    """Returns the answer to a request."""
    if request.get("stream"):
        raise ValueError("answers are not streamed")
    messages = request["messages"]
    native = [tool["function"]["name"] for tool in request.get("tools", [])]
    described = re.findall(r"^---- Tool \d+: (\S+) ----$", messages[0]["content"], re.MULTILINE)
    name, arguments = answer(gold, native or described, messages)
    if native:
        message, reason = as_tool_call(name, arguments, len(messages)), "tool_calls"
    else:
        message, reason = as_json_text(name, arguments, alone=len(described) == 1), "stop"
    used = {"prompt_tokens": tokens(messages), "completion_tokens": tokens(message)}
    return {
        "id": "chatcmpl-oracle",
        "object": "chat.completion",
        "model": request.get("model"),
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}],
        "usage": {**used, "total_tokens": sum(used.values())},
    }


def answer(gold: Gold, tools: list[str], messages: list[Json]) -> tuple[str, Json]:
    """Returns the call to make with the tools on offer."""
    if len(tools) == 1 and tools[0] in oracle_states.ANSWERS:
        if len(messages) > 2:
            raise oracle_states.Lost(f"{tools[0]} was refused: {messages[-1]['content']}")
        prompt = f"{messages[0]['content']}\n{messages[1]['content']}"
        return tools[0], oracle_states.ANSWERS[tools[0]](gold, prompt)
    if "string_replace" in tools:
        # One call is made a message, so that the message behind it is its observation.
        after = [behind for before, behind in zip(messages, messages[1:]) if before["role"] == "assistant"]
        return oracle_actions.call(gold, [message["content"] for message in after])
    raise ValueError(f"the oracle does not know what to do with the tools {tools}")


def as_tool_call(name: str, arguments: Json, number: int) -> Json:
    """Returns a message with a native call."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": f"call_{number}", "type": "function", "function": function}
    return {"content": f"I call {name}.", "tool_calls": [call]}


def as_json_text(name: str, arguments: Json, alone: bool) -> Json:
    """Returns a message with the call in its text: an object, and texts of several lines between tags below it.

    Where a tool stands `alone` the object holds its arguments, else it names the tool beside them.
    """
    texts = {key: value for key, value in arguments.items() if isinstance(value, str) and "\n" in value}
    inside = {key: value for key, value in arguments.items() if key not in texts}
    parts = [f"I call {name}.", json.dumps(inside if alone else {"tool": name, "arguments": inside})]
    parts += [f"<{key}>\n{value}\n</{key}>" for key, value in texts.items()]
    return {"content": "\n".join(parts)}


def tokens(value: Any) -> int:
    """Returns about how many tokens a value has."""
    return -(-len(json.dumps(value)) // TOKEN)
