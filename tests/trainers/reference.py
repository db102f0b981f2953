"""What two trainers make of rows: their own code, run on each row in an environment of its own (``.venv-trainers``).

Called as ``python reference.py REQUEST ANSWER``. The request is JSON: ``trainer``, ``settings``, ``tokenizer`` (the
path of a ``tokenizer.json``), and for each case a ``good`` row and the ``row`` that is asked about, which are loaded
together: a row alone tells a loader nothing of the columns of its file. The answer is a list of what became of each
row: its ``fate`` (``kept``, ``dropped`` or ``stops``), and of kept ones the tokens and the labels.
"""

import importlib.machinery
import json
import logging
import os
import sys
import tempfile
import types
import warnings
from types import SimpleNamespace

# Nothing is fetched, and no version that LLaMA-Factory names is asked for: only its way from a row to tokens is run.
os.environ |= {"HF_HUB_OFFLINE": "1", "DISABLE_VERSION_CHECK": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)
IGNORED = -100


def run_llama_factory(request):
    """LLaMA-Factory: its converter, its template, its processor of the stage, and its collator."""
    # It would read sounds with it, and no row here has any.
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    sys.modules["torchaudio"].__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    from datasets import Dataset
    from llamafactory.data import get_template_and_fix_tokenizer
    from llamafactory.data.collator import SFTDataCollatorWith4DAttentionMask
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.loader import _get_dataset_processor
    from llamafactory.data.mm_plugin import BasePlugin
    from llamafactory.data.parser import get_dataset_list

    class Pictures(BasePlugin):
        """What all templates with pictures do first; none is opened."""

        def process_messages(self, messages, images, videos, audios, processor):
            self._validate_input(processor, images, videos, audios)
            self._validate_messages(messages, images, videos, audios)
            return messages

    settings = request["settings"]
    arguments = SimpleNamespace(
        template="chatml", tool_format=None, default_system=None, enable_thinking=True, preserve_thinking=False,
        train_on_prompt=False, mask_history=settings.get("mask_history", False), cutoff_len=settings["cutoff_len"],
        packing=False, streaming=False, media_dir="data",
    )  # fmt: skip
    tokenizer = load_tokenizer(request["tokenizer"])
    template = get_template_and_fix_tokenizer(tokenizer, arguments)
    of_texts, of_pictures = template.mm_plugin, Pictures("<image>", None, None)
    processor = SimpleNamespace(image_processor=object())
    [columns] = get_dataset_list(["rows"], {"rows": {"file_name": "rows.json", **settings["dataset_info"]}})
    convert = get_dataset_converter(columns.formatting, columns, arguments)
    stage = _get_dataset_processor(arguments, settings["stage"], template, tokenizer, processor)
    collate = SFTDataCollatorWith4DAttentionMask(template=template, tokenizer=tokenizer, model=None)
    name = {"sft": "input_ids", "rm": "chosen_input_ids", "kto": "input_ids"}[settings["stage"]]
    labels_name = name.replace("input_ids", "labels")

    def prepare(case):
        example = Dataset.from_list([case["good"], case["row"]])[1]
        template.mm_plugin = of_pictures if example.get("images") is not None else of_texts
        aligned = convert(example)
        found = stage.preprocess_dataset({key: [value] for key, value in aligned.items()})
        if not found[name]:
            return {"fate": "dropped"}
        answer = {"fate": "kept", "ids": found[name][0], "labels": found[labels_name][0]}
        if settings["stage"] == "sft" and template.mm_plugin is of_texts:
            batch = collate([{key: found[key][0] for key in ("input_ids", "attention_mask", "labels")}])
            size = len(answer["ids"])
            assert batch["labels"][0][:size].tolist() == answer["labels"]
        return answer

    return [attempt(prepare, case, tokenizer) for case in request["cases"]]


def run_trl(request):
    """TRL: the preparation of a real trainer, for a model of a few numbers, and the collator of the SFTTrainer."""
    import trl
    from datasets import Dataset, disable_progress_bars, load_dataset
    from transformers import LlamaConfig, LlamaForCausalLM

    disable_progress_bars()
    settings = request["settings"]
    tokenizer = load_tokenizer(request["tokenizer"])
    tokenizer.chat_template = settings["chat_template"]
    size = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    method = settings["method"]
    make, configure = getattr(trl, f"{method}Trainer"), getattr(trl, f"{method}Config")
    config, more = settings["config"], {"ref_model": LlamaForCausalLM(size)}
    if method == "SFT":
        config, more = {"shuffle_dataset": False, **config}, {}
    trainer = make(
        LlamaForCausalLM(size),
        args=configure(tempfile.mkdtemp(), report_to="none", use_cpu=True, bf16=False, **config),
        train_dataset=Dataset.from_list([request["cases"][0]["good"]] * 2),
        processing_class=tokenizer,
        **more,
    )
    file = os.path.join(tempfile.mkdtemp(), "rows.jsonl")

    def prepare(case):
        # As a file: so values of several types in a column are read as they stand there.
        with open(file, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in (case["good"], case["row"]))
        rows = load_dataset("json", data_files=file, split="train", cache_dir=tempfile.mkdtemp())
        more = (False, None) if method == "SFT" else ()
        found = trainer._prepare_dataset(rows, tokenizer, trainer.args, *more, "train")
        if len(found) == 1:
            return {"fate": "dropped"}
        if method != "SFT":
            # Of a pair the preferred answer with its prompt stands first; what is no answer is not trained.
            batch = trainer.data_collator([found[1]])
            there, said = (batch[name][0].tolist() for name in ("attention_mask", "completion_mask"))
            ids = [one for one, is_there in zip(batch["input_ids"][0].tolist(), there, strict=True) if is_there]
            marks = [one for one, is_there in zip(said, there, strict=True) if is_there]
            labels = [one if is_said else IGNORED for one, is_said in zip(ids, marks, strict=True)]
            return {"fate": "kept", "ids": ids, "labels": labels}
        batch = trainer.data_collator([{key: found[1][key] for key in ("input_ids", "labels")}])
        return {"fate": "kept", "ids": batch["input_ids"][0].tolist(), "labels": batch["labels"][0].tolist()}

    return [attempt(prepare, case, tokenizer) for case in request["cases"]]


def load_tokenizer(path):
    """The tokenizer of a file, with the marks of ChatML as the tokens that they are."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=path, eos_token="<|im_end|>", pad_token="<|pad|>", clean_up_tokenization_spaces=False
    )


def attempt(prepare, case, tokenizer):
    """What becomes of a row; whatever is raised would have stopped the run."""
    try:
        found = prepare(case)
    except Exception as error:  # noqa: BLE001 (it is what this asks for)
        return {"fate": "stops", "why": f"{type(error).__name__}: {error}"[:300]}
    if found["fate"] == "kept":
        ids, labels = found.pop("ids"), found.pop("labels")
        found |= {"tokens": len(ids), "text": tokenizer.decode(ids), "trained": []}
        found["trained_tokens"] = sum(one != IGNORED for one in labels)
        spans = []
        for at, label in enumerate(labels):
            if label != IGNORED:
                assert label == ids[at]
                if at == 0 or labels[at - 1] == IGNORED:
                    spans.append([])
                spans[-1].append(label)
        found["trained"] = [tokenizer.decode(one) for one in spans]
    return found


TRAINERS = {"llama-factory": run_llama_factory, "trl": run_trl}


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    answers = TRAINERS[asked["trainer"]](asked)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file)
