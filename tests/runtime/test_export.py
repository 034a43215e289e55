"""The export answers as torch does, or is refused and leaves nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertModel, BertTokenizer, RobertaConfig, RobertaModel

from turnwise.codec import Codec
from turnwise.encoder import Encoder
from turnwise.errors import ExportError, InputError, MissingExtraError, ModelError

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from turnwise.runtime import Bounds, Runtime, TaskScore, export
from turnwise.runtime import graph as graph_module
from turnwise.runtime.export import Encode, compare

WORDS = ("my", "card", "where", "is", "it", "i", "want", "to", "cancel", "the", "order", "please", "help")
RAGGED = ["my card", "where is it", "i want to cancel the order please", "", "help", "not my order 你好 😀", "it " * 40]


def tokenizer(folder: Path) -> BertTokenizer:
    path = folder / "vocab.txt"
    path.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n", encoding="utf-8")
    return BertTokenizer(str(path))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    words = tokenizer(tmp_path_factory.mktemp("vocab"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        initializer_range=0.2,
    )
    return Encoder(BertModel(config, add_pooling_layer=False), Codec(words, 32, segments=True), "tiny").eval()


@pytest.fixture(scope="module")
def exported(tiny: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "onnx"
    export(tiny, folder, check_texts=RAGGED, precision="fp32", task_check=sign)
    return folder


def sign(encode: Encode) -> TaskScore:
    """A task: tell texts apart by the sign of the first component."""
    return TaskScore("accuracy", 0.75, tuple("ab"[int(vector[0] > 0)] for vector in encode(RAGGED)))


def test_fp32_gives_the_vectors_of_torch_for_ragged_batches_in_input_order(tiny: Encoder, exported: Path) -> None:
    runtime = Runtime.load(exported, threads=2)
    expected = tiny.encode(RAGGED)
    assert runtime.encode(RAGGED, batch_tokens=20) == pytest.approx(expected, abs=1e-5)
    assert runtime.encode(RAGGED) == pytest.approx(expected, abs=1e-5)
    assert runtime.encode(RAGGED[::-1]) == pytest.approx(expected[::-1], abs=1e-5)
    assert runtime.encode(RAGGED[1:2]) == pytest.approx(expected[1:2], abs=1e-5)


def test_text_that_is_absent_huge_or_of_unknown_script_is_encoded(tiny: Encoder, exported: Path) -> None:
    runtime = Runtime.load(exported)
    assert runtime.encode([]).shape == (0, 32)
    texts = ["", "   ", "x" * 10**6, "my card " * 125_000, "😀", "你好"]
    assert runtime.encode(texts) == pytest.approx(tiny.encode(texts), abs=1e-5)


def test_a_bare_string_is_refused(exported: Path) -> None:
    with pytest.raises(InputError, match="list of texts"):
        Runtime.load(exported).encode("my card")


def test_facts_hold_the_measured_difference_the_task_and_the_checksums(exported: Path) -> None:
    facts = json.loads((exported / "export.json").read_text(encoding="utf-8"))
    assert facts["precision"] == "fp32"
    assert facts["texts"] == len(RAGGED)
    assert 0 <= facts["largest_difference"] < 1e-4
    assert facts["smallest_cosine"] > 0.9999
    assert facts["task"] == {"metric": "accuracy", "before": 0.75, "after": 0.75, "labels_changed": 0.0}
    assert set(facts["files"]) >= {"model.onnx", "tokenizer.json"}


def test_int8_with_a_projection_stays_near_torch(tiny: Encoder, tmp_path: Path) -> None:
    torch.manual_seed(1)
    projection = nn.Sequential(nn.Linear(32, 8), nn.Tanh())
    facts = export(tiny, tmp_path / "onnx", check_texts=RAGGED, precision="int8", projection=projection)
    with torch.inference_mode():
        expected = projection(torch.from_numpy(tiny.encode(RAGGED))).numpy()
    got = Runtime.load(tmp_path / "onnx").encode(RAGGED)
    assert facts.dim == 8
    assert got.shape == (len(RAGGED), 8)
    assert compare(expected, got)[0] < 0.25


def test_an_export_outside_its_bound_is_refused_with_the_figures_and_leaves_nothing(
    tiny: Encoder, tmp_path: Path
) -> None:
    folder = tmp_path / "onnx"
    with pytest.raises(ExportError, match=r"largest difference of the unit vectors is 0\.\d+, allowed 0\.00000"):
        export(tiny, folder, check_texts=RAGGED, precision="int8", bounds=Bounds(difference=0.0))
    assert list(tmp_path.iterdir()) == []


def test_a_refused_export_names_the_loss_of_the_task_and_leaves_the_older_one_in_place(
    tiny: Encoder, tmp_path: Path
) -> None:
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "export.json").write_text("older", encoding="utf-8")
    scores = iter([TaskScore("accuracy", 0.90, ("a", "b")), TaskScore("accuracy", 0.80, ("a", "a"))])
    with pytest.raises(ExportError, match=r"loss of accuracy is 0\.10000.*labels changed is 0\.50000"):
        export(
            tiny,
            tmp_path / "onnx",
            check_texts=RAGGED,
            precision="fp32",
            bounds=Bounds(difference=1.0, labels=0.1, metric=0.05),
            task_check=lambda encode: next(scores),
        )
    assert (tmp_path / "onnx" / "export.json").read_text(encoding="utf-8") == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]


def test_an_export_needs_texts_to_compare_on(tiny: Encoder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check_texts is empty"):
        export(tiny, tmp_path / "onnx", check_texts=[])


def test_a_damaged_or_missing_file_is_refused_by_its_checksum(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "onnx"
    shutil.copytree(exported, folder)
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.onnx has SHA-256 .* expected"):
        Runtime.load(folder)
    path.unlink()
    with pytest.raises(ModelError, match=r"lacks model\.onnx"):
        Runtime.load(folder)
    (folder / "export.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="damaged"):
        Runtime.load(folder)
    (folder / "export.json").unlink()
    with pytest.raises(ModelError, match="is no export"):
        Runtime.load(folder)


def test_an_encoder_without_token_types_exports_too(tiny: Encoder, tmp_path: Path) -> None:
    torch.manual_seed(0)
    words = tokenizer(tmp_path)
    config = RobertaConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        type_vocab_size=1,
        pad_token_id=0,
        initializer_range=0.2,
    )
    backbone = RobertaModel(config, add_pooling_layer=False)
    encoder = Encoder(backbone, Codec(words, 32, segments=False), "tiny-roberta").eval()
    export(encoder, tmp_path / "onnx", check_texts=RAGGED, precision="fp32")
    assert Runtime.load(tmp_path / "onnx").encode(RAGGED) == pytest.approx(encoder.encode(RAGGED), abs=1e-5)


def test_the_encoder_keeps_its_attention_after_an_export(tiny: Encoder, exported: Path) -> None:
    assert tiny.backbone.config._attn_implementation == "sdpa"


def test_a_missing_package_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'turnwise\[runtime\]'"):
        graph_module.need("no_such_package_as_this")


def test_compare_gives_distance_and_cosine_of_unit_vectors() -> None:
    """(3, 4) and (4, 3) are (0.6, 0.8) and (0.8, 0.6): distance sqrt(0.08), cosine 0.96; NaN counts as worst."""
    left, right = np.array([[3, 4], [0, 1]], np.float32), np.array([[4, 3], [0, 5]], np.float32)
    assert compare(left, right) == pytest.approx((0.08**0.5, 0.96), abs=1e-6)
    assert compare(left, np.full_like(left, np.nan)) == (2.0, -1.0)


def test_the_embedded_encoder_loses_little_to_int8(tmp_path: Path) -> None:
    encoder = Encoder.load()
    texts = ["I lost my card, can you send a new one?", "Where is my refund?", "What's the weather", "thanks a lot!"]
    export(encoder, tmp_path / "onnx", check_texts=texts, precision="int8")
    expected, got = encoder.encode(texts), Runtime.load(tmp_path / "onnx").encode(texts)
    assert compare(expected, got)[1] > 0.985
    assert (tmp_path / "onnx" / "model.onnx").stat().st_size < 30e6
