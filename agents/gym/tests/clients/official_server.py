"""The official server of the Open Reward Standard with a tool that does nothing: PORT."""

import sys

from openreward.environments import Environment, Server, TextBlock, ToolOutput, tool
from pydantic import BaseModel


class Thought(BaseModel):
    thought: str


class Demo(Environment):
    @classmethod
    def list_splits(cls):
        return ["train"]

    @classmethod
    def list_tasks(cls, split):
        return [{"instance_id": "none"}]

    def get_prompt(self):
        return [TextBlock(text="none")]

    @tool
    def think(self, thought: Thought) -> ToolOutput:
        """Does nothing."""
        return ToolOutput(blocks=[TextBlock(text="ok")])


Server([Demo]).run(host="127.0.0.1", port=int(sys.argv[1]))
