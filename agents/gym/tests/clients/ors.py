"""Plays an episode with the official client of the Open Reward Standard: ADDRESS INSTANCE COMMAND [KEY] [ENVIRONMENT]."""

import asyncio
import os
import sys

address, instance, command = sys.argv[1:4]
key = sys.argv[4] if len(sys.argv) > 4 else "none"
name = sys.argv[5] if len(sys.argv) > 5 else "demo"
# With an address alone the client puts names of hosts before it.
os.environ["OPENREWARD_SESSION_URL"] = address
os.environ["OPENREWARD_API_URL"] = address

from openreward import AsyncOpenReward  # noqa: E402
from openreward.api.errors import ToolCallError  # noqa: E402


async def main():
    client = AsyncOpenReward(api_key=key)
    environment = client.environments.get(name)
    assert await environment.list_splits() == ["train"]
    tasks = await environment.list_tasks("train")
    assert await environment.num_tasks("train") == len(tasks) > 0
    assert name != "demo" or len(tasks) == 3
    assert await environment.get_task("train", -1) == tasks[-1]
    assert await environment.get_task_range("train", 1, None) == tasks[1:]
    names = [tool.name for tool in await environment.list_tools()]
    assert "bash" in names and "submit" in names, names
    assert await environment.list_tools(format="openai")
    task = next(task for task in tasks if task.task_spec["instance_id"] == instance)
    async with environment.session(task=task) as session:
        prompt = await session.get_prompt()
        assert any("submit" in block.text for block in prompt)
        roles = [message["role"] for message in await session.get_messages(format="openai")]
        assert roles == ["system", "user"], roles
        # Longer than any event, and white space wherever an event may begin.
        spaces = await session.call_tool("bash", {"command": "head -c 12000 /dev/zero | tr '\\0' ' '; echo end"})
        assert spaces.blocks[0].text.count(" ") >= 12000, len(spaces.blocks[0].text)
        assert spaces.reward is None and not spaces.finished
        try:
            await session.call_tool("no_such_tool", {})
            raise AssertionError("a tool that is not there was called")
        except ToolCallError as error:
            assert error.reason == "not_found", error.reason
        applied = await session.call_tool("bash", {"command": command})
        assert applied.metadata["exit_code"] == 0, applied
        last = await session.call_tool("submit", {})
        print("reward", last.reward, "finished", last.finished, last.metadata["reward_components"])
        assert last.finished and last.reward == 1.0
    # By its index, and closed before its end.
    async with environment.session(split="train", index=0) as session:
        await session.call_tool("bash", {"command": "true"})
    await client.aclose() if hasattr(client, "aclose") else None


asyncio.run(main())
