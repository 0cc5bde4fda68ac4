"""Pairing rows with columns at the least total cost."""

from __future__ import annotations

import numpy as np


def assign(costs: np.ndarray, most: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of a rows x columns table of finite costs, at most one of each.

    The total is least where every pair left out costs ``most``; pairs above it are never made.
    Kuhn's Hungarian method by shortest augmenting paths.
    """
    rows, columns = costs.shape
    if not rows or not columns:
        return []
    # A column of its own for every row, to stay unpaired by.
    table = np.full((rows, columns + rows), most, np.float64)
    table[:, :columns] = np.minimum(costs, most * 2)
    found = _rows_of_columns(table)
    pairs = [(row, column) for column, row in enumerate(found[:columns]) if row >= 0]
    return sorted((row, column) for row, column in pairs if costs[row, column] <= most)


def _rows_of_columns(table: np.ndarray) -> list[int]:
    """For each column the row it is given to, or -1; no more rows than columns."""
    rows, columns = table.shape
    # Entry 0 stands for "none"; rows and columns count from 1.
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    owner = np.zeros(columns + 1, np.int64)
    for row in range(1, rows + 1):
        owner[0], column = row, 0
        reach = np.full(columns + 1, np.inf)
        came_from = np.zeros(columns + 1, np.int64)
        used = np.zeros(columns + 1, bool)
        while owner[column]:
            used[column] = True
            here = owner[column]
            price = table[here - 1] - row_price[here] - column_price[1:]
            better = ~used[1:] & (price < reach[1:])
            reach[1:][better], came_from[1:][better] = price[better], column
            following = int(np.argmin(np.where(used, np.inf, reach)[1:])) + 1
            step = reach[following]
            row_price[owner[used]] += step
            column_price[used] -= step
            reach[~used] -= step
            column = following
        while column:
            before = came_from[column]
            owner[column] = owner[before]
            column = int(before)
    return [int(row) - 1 for row in owner[1:]]
