"""The tabs: one package each, whose ``tab.build(context)`` builds it."""
