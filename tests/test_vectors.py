"""Vectors of length one."""

import numpy as np
import pytest

from turnwise.vectors import unit


def test_rows_have_length_one_and_a_row_of_zeros_has_no_direction() -> None:
    found = unit(np.array([(0, 0), (3, 4)], dtype=np.float32))
    assert found == pytest.approx(np.array([(0, 0), (0.6, 0.8)]))
    assert found.dtype == np.float32
    assert unit(np.zeros((0, 3), dtype=np.float32)).shape == (0, 3)
