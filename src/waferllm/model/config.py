"""What a model of the LLaMA family is: a frozen record, checked when it is made.

`from_huggingface` reads the dictionary of a config.json; the readers of `waferllm.model.checkpoint` make the record
from other formats. What a field does not cover (sliding windows, experts, other activations) is refused, never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from waferllm.errors import ModelError

SCALINGS = ("linear", "dynamic", "llama3", "factors")
FAMILIES = ("llama", "mistral", "qwen2")
"""Values of `model_type` whose layers are those of this record."""


@dataclass(frozen=True)
class RopeScaling:
    """How the frequencies of RoPE differ from theta^(-2i/d); `waferllm.model.rope` has the formulas."""

    kind: str
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    original_positions: int = 0
    """dynamic, llama3: positions that the model was trained on before scaling."""
    factors: tuple[float, ...] = ()
    """factors: what each frequency is divided by, [head_dim / 2]."""

    def problems(self) -> list[str]:
        found = []
        if self.kind not in SCALINGS:
            found.append(f"rope_scaling: kind '{self.kind}' is not supported, expected one of {', '.join(SCALINGS)}")
        if self.kind in ("linear", "dynamic", "llama3") and not self.factor >= 1:
            found.append(f"rope_scaling: factor {self.factor} is not allowed, expected at least 1")
        if self.kind in ("dynamic", "llama3") and self.original_positions < 1:
            found.append("rope_scaling: original_max_position_embeddings is missing")
        if self.kind == "llama3" and not self.low_freq_factor < self.high_freq_factor:
            found.append("rope_scaling: low_freq_factor has to be less than high_freq_factor")
        return found


@dataclass(frozen=True)
class ModelConfig:
    """Dimensions and constants of a model: RMSNorm, RoPE, attention with grouped heads, FFN with SiLU."""

    name: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    rope_theta: float
    rms_eps: float
    max_positions: int
    tied: bool = False
    """The embedding is the output matrix too."""
    qkv_bias: bool = False
    """Q, K and V have biases (Qwen2)."""
    o_bias: bool = False
    rope_scaling: RopeScaling | None = None
    source: str = ""
    """Where the numbers are from."""

    def __post_init__(self) -> None:
        problems = self._problems()
        if problems:
            raise ModelError(f"model {self.name}: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        counts = ("vocab", "hidden", "layers", "heads", "kv_heads", "head_dim", "ffn", "max_positions")
        wrong = [name for name in counts if not self._positive(name)]
        found = [f"{name} {getattr(self, name)} is not allowed, expected at least 1" for name in wrong]
        if not found and self.heads % self.kv_heads:
            found.append(f"heads {self.heads} is no multiple of kv_heads {self.kv_heads}")
        if not found and self.head_dim % 2:
            found.append(f"head_dim {self.head_dim} is odd, RoPE rotates pairs")
        if not (self.rope_theta > 0 and self.rms_eps > 0):
            found.append(f"rope_theta {self.rope_theta} and rms_eps {self.rms_eps} have to be positive")
        return found + (self.rope_scaling.problems() if self.rope_scaling else [])

    def _positive(self, name: str) -> bool:
        value = getattr(self, name)
        return isinstance(value, int) and value >= 1

    @property
    def q_width(self) -> int:
        """Columns of Q over all heads."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Columns of K and of V over their heads."""
        return self.kv_heads * self.head_dim

    @property
    def group(self) -> int:
        """Heads of Q that share one head of K and V."""
        return self.heads // self.kv_heads

    @property
    def attention(self) -> str:
        """Name of the attention variant: mha, gqa or mqa."""
        if self.kv_heads == self.heads:
            return "mha"
        return "mqa" if self.kv_heads == 1 else "gqa"


def from_huggingface(values: Mapping[str, Any], name: str) -> ModelConfig:
    """The record of a config.json."""
    family = values.get("model_type", "llama")
    if family not in FAMILIES:
        raise ModelError(f"model {name}: model_type '{family}' is not supported, expected one of {', '.join(FAMILIES)}")
    _refuse_unsupported(values, name)
    heads = _integer(values, "num_attention_heads", name)
    hidden = _integer(values, "hidden_size", name)
    positions = _integer(values, "max_position_embeddings", name)
    return ModelConfig(
        name=name,
        vocab=_integer(values, "vocab_size", name),
        hidden=hidden,
        layers=_integer(values, "num_hidden_layers", name),
        heads=heads,
        kv_heads=_integer(values, "num_key_value_heads", name, heads),
        head_dim=_integer(values, "head_dim", name, hidden // max(1, heads)),
        ffn=_integer(values, "intermediate_size", name),
        rope_theta=_rope_theta(values),
        rms_eps=float(values.get("rms_norm_eps", 1e-6)),
        max_positions=positions,
        tied=bool(values.get("tie_word_embeddings", False)),
        qkv_bias=bool(values.get("attention_bias", False)) or family == "qwen2",
        o_bias=bool(values.get("attention_bias", False)) and family != "qwen2",
        rope_scaling=_scaling(values, positions, name),
        source="config.json",
    )


def _integer(values: Mapping[str, Any], key: str, name: str, default: int | None = None) -> int:
    value = values.get(key)
    if value is None:
        value = default
    if value is None:
        raise ModelError(f"model {name}: config.json has no '{key}'")
    if isinstance(value, bool) or not isinstance(value, int):
        raise ModelError(f"model {name}: config.json: '{key}' is {value!r}, expected an integer")
    return value


def _refuse_unsupported(values: Mapping[str, Any], name: str) -> None:
    wrong = []
    if values.get("hidden_act", "silu") not in ("silu", "swish"):
        wrong.append(f"hidden_act '{values['hidden_act']}' (only silu)")
    if values.get("mlp_bias"):
        wrong.append("mlp_bias")
    if values.get("use_sliding_window"):
        wrong.append("use_sliding_window")
    if values.get("model_type") == "mistral" and values.get("sliding_window"):
        wrong.append("sliding_window")
    if values.get("quantization_config"):
        wrong.append("quantization_config (use a checkpoint with float weights, or GGUF)")
    if wrong:
        raise ModelError(f"model {name}: config.json asks for what is not supported: {', '.join(wrong)}")


def _rope_theta(values: Mapping[str, Any]) -> float:
    """Newer files keep it in `rope_parameters`."""
    nested = values.get("rope_parameters") or {}
    return float(values.get("rope_theta", nested.get("rope_theta", 10000.0)))


def _scaling(values: Mapping[str, Any], positions: int, name: str) -> RopeScaling | None:
    given = values.get("rope_scaling") or values.get("rope_parameters")
    if not given:
        return None
    kind = given.get("rope_type", given.get("type"))
    if kind in (None, "default"):
        return None
    if kind not in SCALINGS or kind == "factors":
        raise ModelError(f"model {name}: rope_scaling '{kind}' is not supported, expected linear, dynamic or llama3")
    return RopeScaling(
        kind=kind,
        factor=float(given.get("factor", 1.0)),
        low_freq_factor=float(given.get("low_freq_factor", 1.0)),
        high_freq_factor=float(given.get("high_freq_factor", 4.0)),
        original_positions=int(given.get("original_max_position_embeddings", positions)),
    )
