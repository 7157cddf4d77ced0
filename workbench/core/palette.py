"""The colours of classes."""

from __future__ import annotations

# M. Okabe and K. Ito, "Color Universal Design", 2008; without black, which is invisible on a dark page.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
