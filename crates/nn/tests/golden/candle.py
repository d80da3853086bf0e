"""Prints the right values that crates/nn/tests/candle holds against candle's: those that are not done by hand.

    python crates/nn/tests/golden/candle.py

Needs torch; the values in the tests are those of torch 2.15 on the CPU. A line a test, by the test's name.
"""

import math

import torch
import torch.nn.functional as F


def gradient(values, f):
    x = torch.tensor(values, requires_grad=True)
    f(x).sum().backward()
    return x.grad


def ramp(shape, scale, offset):
    """The values of `ramp` in crates/nn/tests/candle/layers.rs."""
    count = math.prod(shape)
    return torch.tensor([(i * 37 + 11) % 29 / 29 * scale + offset for i in range(count)]).reshape(shape)


def recurrent_state(gates, suffix=""):
    hidden, inputs = 3, 2
    shapes = {
        "weight_ih_l0": (gates * hidden, inputs),
        "weight_hh_l0": (gates * hidden, hidden),
        "bias_ih_l0": (gates * hidden,),
        "bias_hh_l0": (gates * hidden,),
    }
    return {name + suffix: ramp(shape, 1.0, -0.5 + 0.05 * k) for k, (name, shape) in enumerate(shapes.items())}


def rows(x):
    return [[round(v, 6) for v in row] for row in x.reshape(-1, x.shape[-1]).tolist()]


print("abs_gradient_at_zero", gradient([-1.0, 0.0, 1.0], torch.abs))
print("relu_gradient_at_zero", gradient([-1.0, 0.0, 1.0], F.relu))
print("max_gradient_of_ties", gradient([[2.0, 2.0, 1.0]], lambda x: x.max(1).values))
print("norm_gradient_at_zero", gradient([0.0, 0.0], lambda x: x.norm()))
print("powf_gradient_at_zero", gradient([0.0, 2.0], lambda x: x**0.0))
print("pow_of_a_negative_base", torch.tensor([-2.0, 0.0]) ** torch.tensor([2.0, 0.0]))
print("pow_of_a_negative_base, gradient", gradient([-2.0, 3.0], lambda x: x ** torch.tensor([2.0, 2.0])))
print("mish_gradient", gradient([100.0, 1.0], F.mish))
print("selu_gradient", gradient([100.0, -1.0], F.selu))
print("gelu_gradient_in_half", gradient([45.0, 1.0], lambda x: F.gelu(x, approximate="tanh")))
print("division_gradient", gradient([1e25], lambda x: torch.tensor([1e30]) / x))
print(
    "bce_of_great_logits",
    [F.binary_cross_entropy_with_logits(torch.tensor([x]), torch.tensor([1.0])).item() for x in (17.0, -100.0)],
)
print("layer_norm_of_a_great_mean", F.layer_norm(torch.tensor([[10000.0, 10001.0, 10002.0, 10003.0]]), (4,)))
print("log_sum_exp_of_infinities", torch.logsumexp(torch.tensor([[-torch.inf, -torch.inf], [torch.inf, 1.0]]), 1))
print("round_of_halves", torch.round(torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5])))
print("sort_of_nan", torch.sort(torch.tensor([3.0, torch.nan, 1.0, 2.0])).values)
print("cumsum_of_infinity", torch.cumsum(torch.tensor([1.0, 2.0, torch.inf, 4.0]), 0))
print("arange_step_count", torch.arange(0, 1, 0.1, dtype=torch.float64).shape)
print("chunk_sizes", [len(c) for c in torch.zeros(7).chunk(3)])
print("half_sum", torch.ones(4096, dtype=torch.float16).sum(), torch.ones(4096, dtype=torch.bfloat16).sum())
print("half_mean", torch.full((4096,), 100.0, dtype=torch.float16).mean())
print("half_softmax", torch.softmax(torch.zeros(4096, dtype=torch.float16), 0)[0].item(), 1 / 4096)
print("half_average_pool", F.avg_pool2d(torch.ones(1, 1, 64, 64, dtype=torch.float16), 64))
print("half_norm", torch.full((4,), 300.0, dtype=torch.float16).norm())

x = ramp((2, 3, 2), 2.0, -1.0)
lstm = torch.nn.LSTM(2, 3, batch_first=True, bidirectional=True)
lstm.load_state_dict({**recurrent_state(4), **recurrent_state(4, "_reverse")})
print("lstm_direction_backward", rows(lstm(x)[0][..., 3:]))
gru = torch.nn.GRU(2, 3, batch_first=True)
gru.load_state_dict(recurrent_state(3))
print("gru_states_to_tensor", gru(x)[0].shape, rows(gru(x)[0]))

late, early = torch.nn.Parameter(torch.tensor([1.0])), torch.nn.Parameter(torch.tensor([1.0]))
optimizer = torch.optim.AdamW([late, early], lr=0.1, weight_decay=0.0)
for step in range(10):
    optimizer.zero_grad()
    (late if step == 9 else early).square().sum().backward()
    optimizer.step()
print("adamw_of_a_late_parameter", late.item())
