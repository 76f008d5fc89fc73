"""Is one model more accurate than another on the same samples? The paired difference with its 95 % interval.

Only samples that one model gets right and the other wrong tell anything: b = right only in A, c = right only in B, of n.
The interval is that of Bonett and Price (Adjusted Wald intervals for a difference of binomial proportions based on paired
data, J. Educ. Behav. Stat. 37, 2012): the Wald interval after adding one to b and c and two to n, which keeps its coverage
where b and c are small. The p-value is McNemar's exact one (two-sided binomial test of b against b + c).
"""

import math

import numpy as np

Z_95 = 1.959963984540054


def paired_interval(right_a: np.ndarray, right_b: np.ndarray) -> dict:
    """Accuracy of A minus accuracy of B, for two boolean arrays over the same samples."""
    if right_a.shape != right_b.shape:
        raise ValueError(f"not paired: {right_a.shape} answers against {right_b.shape}")
    n = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_a, p_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    half = Z_95 * math.sqrt((p_a + p_b - (p_a - p_b) ** 2) / (n + 2))
    return {"samples": n, "only_a_right": only_a, "only_b_right": only_b, "difference": (only_a - only_b) / n,
            "low": p_a - p_b - half, "high": p_a - p_b + half, "p_value": mcnemar(only_a, only_b)}


def mcnemar(only_a: int, only_b: int) -> float:
    discordant, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(discordant, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / 2**discordant)
