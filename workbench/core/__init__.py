"""What every room needs: settings, errors, checks of values, processes, locks."""
