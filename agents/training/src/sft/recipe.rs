//! Configurations of trainers, with the figures of SWE-Gym's full fine-tuning (its torchtune configurations: learning
//! rate 1e-4, cosine with 5 steps of warm-up, 5 epochs, 1 row on each of 8 GPUs, 32,768 tokens, packed, weight decay 0.01,
//! seed 42), or, for rows of one call, with those of its Moatless agent of 7B (2e-5, 10,240 tokens).

use serde_json::json;

use super::{By, CallForm, FileFacts, Format, Settings, Target};

const MODEL: &str = "Qwen/Qwen2.5-Coder-7B-Instruct";

/// Returns the files beside the rows, name and text.
pub(crate) fn recipe(settings: &Settings, files: &[FileFacts]) -> Vec<(String, String)> {
    let file = |stem: &str| files.iter().map(|file| &file.name).find(|name| name.starts_with(stem)).cloned();
    let train = file("train.").unwrap_or_default();
    let validation = file("validation.");
    match settings.target {
        Target::Trl | Target::Unsloth => one("train.yaml", trl(settings, &train, validation.as_deref())),
        Target::Axolotl => one("train.yaml", axolotl(settings, &train, validation.as_deref())),
        Target::MsSwift => one("train.yaml", ms_swift(settings, &train, validation.as_deref())),
        Target::Torchtune => one("train.yaml", torchtune(settings, &train)),
        Target::LlamaFactory => {
            let mut files = one("train.yaml", llama_factory(settings, validation.is_some()));
            files.push(("dataset_info.json".to_owned(), dataset_info(&train, validation.as_deref())));
            files
        }
        Target::Openai | Target::Sharegpt => Vec::new(),
    }
}

fn one(name: &str, text: String) -> Vec<(String, String)> {
    vec![(name.to_owned(), text)]
}

/// Returns the learning rate, and the tokens of a row.
fn figures(settings: &Settings) -> (&'static str, usize) {
    match settings.by {
        By::Episode => ("1.0e-4", 32768),
        By::Call => ("2.0e-5", 10240),
    }
}

/// Returns the loader of `datasets` that reads the files of rows.
fn builder(settings: &Settings) -> &'static str {
    if settings.format == Format::Parquet { "parquet" } else { "json" }
}

/// The keys that TRL, LLaMA-Factory and ms-swift have in common, which are those of transformers.
fn transformers(settings: &Settings) -> String {
    let (rate, _) = figures(settings);
    format!(
        "learning_rate: {rate}
lr_scheduler_type: cosine
warmup_steps: 5
num_train_epochs: 5
per_device_train_batch_size: 1
gradient_accumulation_steps: 1
weight_decay: 0.01
optim: adamw_torch_fused
bf16: true
gradient_checkpointing: true
seed: 42
output_dir: output
"
    )
}

fn trl(settings: &Settings, train: &str, validation: Option<&str>) -> String {
    let tests = validation.map_or(String::new(), |name| format!("# The validation set is `{name}`.\n"));
    let masked = match () {
        () if settings.pretokenized => "",
        () if settings.is_split() => "completion_only_loss: true\n",
        () => "assistant_only_loss: true\n",
    };
    let ((_, length), builder) = (figures(settings), builder(settings));
    format!(
        "# For `trl sft --config train.yaml`, in this folder; a global batch of 8 takes 8 processes.\n\
         # Arguments are objects: datasets before 4.8 would fill the keys of one call into all others.\n{tests}\
         model_name_or_path: {MODEL}\ndatasets:\n  - path: {builder}\n    data_files: {train}\n\
         {masked}max_length: {length}\npacking: true\n{}",
        transformers(settings)
    )
}

fn axolotl(settings: &Settings, train: &str, validation: Option<&str>) -> String {
    let form = match (settings.pretokenized, settings.calls) {
        // Rows of tokens are taken as they are.
        (true, _) => "    type:\n".to_owned(),
        (false, calls) => {
            let tools = if calls == CallForm::Native { "    field_tools: tools\n" } else { "" };
            format!(
                "    type: chat_template\n    field_messages: messages\n{tools}    message_field_training: training\n    \
                 roles_to_train: []\n    train_on_eos: turn\n"
            )
        }
    };
    let ((rate, length), builder) = (figures(settings), builder(settings));
    let set = |key: &str, name: &str| format!("{key}:\n  - path: {name}\n    ds_type: {builder}\n{form}");
    let tests = validation.map_or(String::new(), |name| set("test_datasets", name));
    format!(
        "# For `axolotl train train.yaml`, in this folder; a global batch of 8 takes 8 GPUs.\nbase_model: {MODEL}\n\
         chat_template: tokenizer_default\n{}{tests}sequence_len: {length}\nsample_packing: true\nmicro_batch_size: 1\n\
         gradient_accumulation_steps: 1\nnum_epochs: 5\noptimizer: adamw_torch_fused\nlr_scheduler: cosine\n\
         learning_rate: {rate}\nwarmup_steps: 5\nweight_decay: 0.01\nbf16: true\ngradient_checkpointing: true\n\
         seed: 42\noutput_dir: output\n",
        set("datasets", train)
    )
}

fn ms_swift(settings: &Settings, train: &str, validation: Option<&str>) -> String {
    let tests = validation.map_or(String::new(), |name| format!("val_dataset: {name}\n"));
    let (_, length) = figures(settings);
    format!(
        "# For `swift sft --config train.yaml`, in this folder; a global batch of 8 takes 8 processes.\n\
         model: {MODEL}\ndataset: {train}\n{tests}tuner_type: full\nmax_length: {length}\npacking: true\n\
         attn_impl: flash_attn\n{}",
        transformers(settings)
    )
}

fn llama_factory(settings: &Settings, validation: bool) -> String {
    let tests = if validation { "eval_dataset: spotter_validation\n" } else { "" };
    // Of each row the last answer alone.
    let masked = if settings.by == By::Call { "mask_history: true\n" } else { "" };
    let (_, length) = figures(settings);
    format!(
        "# For `llamafactory-cli train train.yaml`, in this folder; a global batch of 8 takes 8 processes.\n\
         model_name_or_path: {MODEL}\nstage: sft\ndo_train: true\nfinetuning_type: full\ntemplate: qwen\n\
         dataset_dir: .\ndataset: spotter_train\n{tests}{masked}cutoff_len: {length}\npacking: true\nneat_packing: true\n{}",
        transformers(settings)
    )
}

/// Returns `dataset_info.json`, by which LLaMA-Factory finds the rows and their columns.
fn dataset_info(train: &str, validation: Option<&str>) -> String {
    let entry = |name: &str| {
        let columns = json!({ "messages": "conversations", "system": "system", "tools": "tools" });
        json!({ "file_name": name, "formatting": "sharegpt", "columns": columns })
    };
    let mut info = json!({ "spotter_train": entry(train) });
    if let Some(name) = validation {
        info["spotter_validation"] = entry(name);
    }
    format!("{info:#}\n")
}

fn torchtune(settings: &Settings, train: &str) -> String {
    let ((rate, length), builder) = (figures(settings), builder(settings));
    format!(
        "# For `tune run --nproc_per_node 8 full_finetune_distributed --config train.yaml`, in this folder.\n\
         model:\n  _component_: torchtune.models.qwen2_5.qwen2_5_7b_instruct\n\
         tokenizer:\n  _component_: torchtune.models.qwen2_5.qwen2_5_tokenizer\n  path: model/vocab.json\n  \
         merges_file: model/merges.txt\n  max_seq_len: {length}\n\
         checkpointer:\n  _component_: torchtune.training.FullModelHFCheckpointer\n  checkpoint_dir: model\n  \
         checkpoint_files:\n    filename_format: model-{{}}-of-{{}}.safetensors\n    max_filename: \"00004\"\n  \
         recipe_checkpoint: null\n  output_dir: output\n  model_type: QWEN2\nresume_from_checkpoint: false\n\
         dataset:\n  _component_: torchtune.datasets.chat_dataset\n  source: {builder}\n  data_files: {train}\n  \
         split: train\n  conversation_column: messages\n  conversation_style: openai\n  train_on_input: false\n  \
         packed: true\nseed: 42\nshuffle: true\nbatch_size: 1\nepochs: 5\ngradient_accumulation_steps: 1\n\
         max_steps_per_epoch: null\noptimizer:\n  _component_: torch.optim.AdamW\n  fused: true\n  lr: {rate}\n  \
         weight_decay: 0.01\nlr_scheduler:\n  _component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup\n  \
         num_warmup_steps: 5\nloss:\n  _component_: torchtune.modules.loss.CEWithChunkedOutputLoss\n\
         optimizer_in_bwd: false\nclip_grad_norm: null\ncompile: true\ndevice: cuda\ndtype: bf16\n\
         enable_activation_checkpointing: true\nenable_activation_offloading: false\noutput_dir: output\n\
         metric_logger:\n  _component_: torchtune.training.metric_logging.DiskLogger\n  log_dir: output/logs\n\
         log_every_n_steps: 1\nlog_peak_memory_stats: true\n"
    )
}
