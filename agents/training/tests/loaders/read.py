"""Reads an exported folder with its trainer's own loader, and prints what it arrives at.

    read.py TARGET FOLDER TOKENIZER

`benches/speed.py tokenizer TOKENIZER` trains a tokenizer and puts a chat template beside it that marks answers.

Prints JSON: `rows`, `supervised` (tokens that are trained), `answers` (messages that are trained), and `config`, the
class that has read the training's configuration, where there is one. No GPU and no network is used.
"""

import json
import os
import pathlib
import shutil
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", CUDA_VISIBLE_DEVICES="", UNSLOTH_ALLOW_CPU="1", WANDB_DISABLED="true")
os.environ.update(TOKENIZERS_PARALLELISM="false", USE_HF="1")


def tokenizer_of(folder):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(folder, pad_token="<|endoftext|>")


def rows_of(folder):
    import datasets

    [path] = folder.glob("train.json*") if not list(folder.glob("*.parquet")) else folder.glob("train.parquet")
    kind = "parquet" if path.suffix == ".parquet" else "json"
    return datasets.load_dataset(kind, data_files=str(path), split="train")


def trained(labels):
    return sum(int(label) != -100 for label in labels)


def config_of(folder):
    import yaml

    return yaml.safe_load((folder / "train.yaml").read_text())


def tiny_model(tokenizer):
    """Returns a model that is only there because a trainer wants one."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1}
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **sizes, **heads))


def trl(folder, tokenizer_folder):
    from transformers import HfArgumentParser
    from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig, SFTTrainer

    config = config_of(folder)
    config.update(bf16=False, gradient_checkpointing=False, optim="adamw_torch", use_cpu=True)
    parser = HfArgumentParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig))
    parsed = parser.parse_dict(config)
    arguments = parsed[1]
    arguments.packing, arguments.max_length, arguments.report_to = False, None, []
    tokenizer = tokenizer_of(tokenizer_folder)
    model = tiny_model(tokenizer)
    trainer = SFTTrainer(model, args=arguments, train_dataset=rows_of(folder), processing_class=tokenizer)
    rows = [trainer.data_collator([row])["labels"][0].tolist() for row in trainer.train_dataset]
    return {"rows": len(rows), "supervised": sum(map(trained, rows)), "config": "trl.SFTConfig"}


def unsloth(folder, tokenizer_folder):
    import unsloth  # noqa: F401  Before trl, which it changes.

    return trl(folder, tokenizer_folder)


def axolotl(folder, tokenizer_folder):
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig

    config = config_of(folder)
    checked = AxolotlInputConfig(**config)
    tokenizer = tokenizer_of(tokenizer_folder)
    settings = DictDefault({**config, "chat_template": "tokenizer_default", "train_on_inputs": False})
    strategy = load(tokenizer, settings, ds_cfg=DictDefault(config["datasets"][0]))
    rows = [strategy.tokenize_prompt(row)["labels"] for row in rows_of(folder)]
    return {"rows": len(rows), "supervised": sum(map(trained, rows)), "config": type(checked).__name__}


def llama_factory(folder, tokenizer_folder):
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, FinetuningArguments, ModelArguments
    from transformers import HfArgumentParser, Seq2SeqTrainingArguments

    config = config_of(folder)
    config.update(bf16=False, gradient_checkpointing=False, optim="adamw_torch", use_cpu=True)
    config.update(dataset_dir=str(folder), packing=False, neat_packing=False, cutoff_len=1 << 20)
    kinds = (ModelArguments, DataArguments, Seq2SeqTrainingArguments, FinetuningArguments)
    model, data, training, _ = HfArgumentParser(kinds).parse_dict(config)
    tokenizer = tokenizer_of(tokenizer_folder)
    template = get_template_and_fix_tokenizer(tokenizer, data)
    module = get_dataset(template, model, data, training, stage="sft", tokenizer=tokenizer)
    rows = [row["labels"] for row in module["train_dataset"]]
    return {"rows": len(rows), "supervised": sum(map(trained, rows)), "config": ", ".join(k.__name__ for k in kinds)}


def model_folder(tokenizer_folder, where):
    """Returns a folder that looks like that of a model, which has a tokenizer and no weights."""
    folder = pathlib.Path(where)
    for path in pathlib.Path(tokenizer_folder).glob("tokenizer*"):
        shutil.copy(path, folder)
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "max_position_embeddings": 1 << 20}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": 50_003}
    config = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], **sizes, **heads}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def ms_swift(folder, tokenizer_folder):
    import dataclasses

    from swift.arguments import SftArguments
    from swift.dataset import load_dataset
    from swift.model import get_processor
    from swift.template import get_template

    known = {field.name for field in dataclasses.fields(SftArguments)}
    unknown = sorted(set(config_of(folder)) - known)
    assert not unknown, f"SftArguments has no {unknown}"
    with tempfile.TemporaryDirectory() as where:
        processor = get_processor(model_folder(tokenizer_folder, where), model_type="qwen2")
    template = get_template(processor, template_type="qwen2_5")
    template.set_mode("train")
    path = next(path for path in (folder / "train.jsonl", folder / "train.parquet") if path.exists())
    data, _ = load_dataset(str(path), num_proc=1)
    rows = [template.encode(dict(row))["labels"] for row in data]
    config = "SftArguments, by the names of its fields"
    return {"rows": len(rows), "supervised": sum(map(trained, rows)), "config": config}


def torchtune(folder, tokenizer_folder):
    import importlib

    from omegaconf import OmegaConf
    from torchtune.datasets import chat_dataset
    from torchtune.models.qwen2_5 import qwen2_5_tokenizer

    config = OmegaConf.load(folder / "train.yaml")
    for part in ["model", "tokenizer", "checkpointer", "dataset", "optimizer", "lr_scheduler", "loss", "metric_logger"]:
        module, name = config[part]["_component_"].rsplit(".", 1)
        getattr(importlib.import_module(module), name)
    model = json.loads((pathlib.Path(tokenizer_folder) / "tokenizer.json").read_text())["model"]
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in model["merges"]]
    own = folder / "torchtune"
    own.mkdir(exist_ok=True)
    (own / "vocab.json").write_text(json.dumps(model["vocab"]))
    (own / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]))
    tokenizer = qwen2_5_tokenizer(str(own / "vocab.json"), str(own / "merges.txt"))
    options = OmegaConf.to_container(config["dataset"])
    options.update(data_files=str(folder / options["data_files"]), packed=False)
    options.pop("_component_")
    data = chat_dataset(tokenizer, **options)
    rows = [row["labels"] for row in data]
    return {"rows": len(rows), "supervised": sum(map(trained, rows)), "config": "every `_component_`"}


def openai(folder, tokenizer_folder):
    from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
    from pydantic import TypeAdapter

    messages, tools = TypeAdapter(list[ChatCompletionMessageParam]), TypeAdapter(list[ChatCompletionFunctionToolParam])
    tokenizer, supervised, rows = tokenizer_of(tokenizer_folder), 0, 0
    for line in (folder / "train.jsonl").read_text().splitlines():
        row = json.loads(line)
        messages.validate_python(row["messages"])
        tools.validate_python(row["tools"])
        for message in row["messages"]:
            for call in message.get("tool_calls", []):
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        options = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
        encoded = tokenizer.apply_chat_template(row["messages"], tools=row["tools"] or None, **options)
        supervised += sum(encoded["assistant_masks"])
        rows += 1
    return {"rows": rows, "supervised": supervised, "config": None}


def sharegpt(folder, tokenizer_folder):
    """ShareGPT has no trainer of its own; LLaMA-Factory reads it by default."""
    info = {"spotter": {"file_name": "train.jsonl", "formatting": "sharegpt"}}
    columns = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"}
    info["spotter"]["tags"] = {**columns, "system_tag": "system"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    model = {"model_name_or_path": "none", "template": "qwen", "dataset": "spotter", "output_dir": "output"}
    (folder / "train.yaml").write_text(json.dumps({**model, "stage": "sft", "do_train": True}))
    return {**llama_factory(folder, tokenizer_folder), "config": None}


def main():
    target, folder, tokenizer = sys.argv[1:]
    read = {"llama-factory": llama_factory, "ms-swift": ms_swift}.get(target) or globals()[target]
    told = read(pathlib.Path(folder), tokenizer)
    print(json.dumps({"target": target, **told}))


if __name__ == "__main__":
    main()
