"""Plays an episode with the generic client of OpenEnv and with its client of tools: ADDRESS INSTANCE COMMAND."""

import sys

from openenv.core.generic_client import GenericEnvClient
from openenv.core.mcp_client import MCPToolClient

address, instance, command = sys.argv[1:4]

with GenericEnvClient(base_url=address).sync() as client:
    first = client.reset(instance_id=instance, seed=1)
    assert not first.done and first.reward is None
    assert "submit" in first.observation["prompt"]
    listed = client.step({"type": "list_tools"})
    assert {"bash", "submit"} <= {tool["name"] for tool in listed.observation["tools"]}
    shown = client.step({"type": "call_tool", "tool_name": "bash", "arguments": {"command": command}})
    assert shown.metadata["exit_code"] == 0, shown
    assert client.state()["step_count"] == 1
    last = client.step({"type": "call_tool", "tool_name": "submit", "arguments": {}})
    print("reward", last.reward, "done", last.done, last.metadata["reward_components"])
    assert last.done and last.reward == 1.0
    assert client.reset(index=0).observation["instance_id"]

with MCPToolClient(base_url=address).sync() as client:
    client.reset(instance_id=instance)
    names = [tool.name for tool in client.list_tools()]
    assert "bash" in names, names
    assert "three" in client.call_tool("bash", command="echo three")
