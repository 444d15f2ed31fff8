"""What `speed.rs` measures, done with `datasets` and `transformers`, and the tokenizer that both use.

    speed.py tokenizer FOLDER                   trains a byte-level BPE of 50,000 tokens on Python's own library
    speed.py export ROWS TOKENIZER OUT PROCESSES   rows with messages to `input_ids` and `labels`
"""

import json
import os
import pathlib
import re
import resource
import sys
import sysconfig
import time

CHAT_TEMPLATE = """{%- if tools %}<|im_start|>system
{{ messages[0].content }}

Tools, one a line:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}<|im_end|>
{% else %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}{% for message in messages %}{% if message.role == 'user' %}<|im_start|>user
{{ message.content }}<|im_end|>
{% elif message.role == 'tool' %}<|im_start|>tool
{{ message.content }}<|im_end|>
{% elif message.role == 'assistant' %}<|im_start|>assistant
{% generation %}{{ message.content }}{% for call in message.tool_calls or [] %}
<call>{"name": {{ call.function.name | tojson }}, "arguments": {{ call.function.arguments | tojson }}}</call>{% endfor %}<|im_end|>{% endgeneration %}
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

# How Qwen's tokenizers cut words.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def library():
    """Yields the texts of Python's own library."""
    for path in sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if "site-packages" not in path.parts:
            yield path.read_text(encoding="utf-8", errors="replace")


def train(folder):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    cut = pre_tokenizers.Split(Regex(WORDS), behavior="isolated", invert=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(library(), trainers.BpeTrainer(vocab_size=50_000, initial_alphabet=alphabet))
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False, special=True) for mark in marks])
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


HIDDEN = re.compile(r"FAIL_TO_PASS|PASS_TO_PASS|/eval\.sh|gold_patch\.diff")
MOST = 32_768


def export(rows, tokenizer, out, processes):
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import datasets
    from transformers import PreTrainedTokenizerFast

    datasets.disable_caching()
    datasets.disable_progress_bars()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    times = {}

    def timed(name, begun):
        times[name] = round(time.perf_counter() - begun, 2)

    def keep(batch):
        kept = []
        for resolved, messages in zip(batch["resolved"], batch["messages"]):
            said = (
                [message["content"], *(call["function"]["arguments"] for call in message.get("tool_calls") or [])]
                for message in messages
                if message["role"] == "assistant"
            )
            kept.append(resolved and not any(HIDDEN.search(text) for texts in said for text in texts))
        return kept

    def tokenise(batch):
        conversations, tools = [], json.loads(batch["tools"][0])
        for messages in batch["messages"]:
            # Nothing is learnt behind the last answer.
            while messages and messages[-1]["role"] != "assistant":
                messages = messages[:-1]
            for message in messages:
                for call in message.get("tool_calls") or []:
                    call["function"]["arguments"] = json.loads(call["function"]["arguments"])
            conversations.append(messages)
        encoded = tokenizer.apply_chat_template(
            conversations, tools=tools, tokenize=True, return_dict=True, return_assistant_tokens_mask=True,
            tokenizer_kwargs={"return_attention_mask": False},
        )
        ids, masks = encoded["input_ids"], encoded["assistant_masks"]
        labels = [[token if trained else -100 for token, trained in zip(*row)] for row in zip(ids, masks)]
        fits = [index for index, row in enumerate(ids) if len(row) <= MOST and any(masks[index])]
        return {"input_ids": [ids[index] for index in fits], "labels": [labels[index] for index in fits]}

    begun = time.perf_counter()
    data = datasets.load_dataset("json", data_files=rows, split="train", num_proc=1)
    timed("read", begun)
    begun = time.perf_counter()
    data = data.filter(keep, batched=True, batch_size=64, num_proc=processes)
    timed("filter", begun)
    begun = time.perf_counter()
    data = data.map(tokenise, batched=True, batch_size=64, num_proc=processes, remove_columns=data.column_names)
    timed("tokenise", begun)
    begun = time.perf_counter()
    data.to_json(out, num_proc=processes, batch_size=64)
    timed("write", begun)
    return times


def main():
    match sys.argv[1:]:
        case ["tokenizer", folder]:
            train(folder)
        case ["export", rows, tokenizer, out, processes]:
            begun = time.perf_counter()
            times = export(rows, tokenizer, out, int(processes))
            seconds = time.perf_counter() - begun
            tokens = trained = lines = 0
            with open(out) as file:
                for line in file:
                    labels = json.loads(line)["labels"]
                    lines += 1
                    tokens += len(labels)
                    trained += sum(label != -100 for label in labels)
            peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
            told = {"seconds": seconds, "rows": lines, "tokens": tokens, "trained": trained, "peak_kib": peak, "phases": times}
            print(json.dumps(told))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
