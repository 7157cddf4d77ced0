"""The page: the status bar above eight tabs, in the order of the workflow."""

from __future__ import annotations

import gradio as gr

from workbench.services import Services
from workbench.ui import status_bar
from workbench.ui.api.publish import publish
from workbench.ui.call_validation import ValidatedBlocks
from workbench.ui.context import TABS, TabContext
from workbench.ui.tabs.augment import tab as augment
from workbench.ui.tabs.collect import tab as collect
from workbench.ui.tabs.curate import tab as curate
from workbench.ui.tabs.evaluate import tab as evaluate
from workbench.ui.tabs.label import tab as label
from workbench.ui.tabs.models import tab as models
from workbench.ui.tabs.predict import tab as predict
from workbench.ui.tabs.train import tab as train

BUILDERS = {
    "collect": collect.build,
    "label": label.build,
    "curate": curate.build,
    "augment": augment.build,
    "train": train.build,
    "evaluate": evaluate.build,
    "models": models.build,
    "predict": predict.build,
}
# Gradio selects the first tab while loading; this must not overwrite the URL before it was read.
ADDRESS = """() => {
  if (!window.addressRead) return;
  const url = new URL(location);
  url.searchParams.set('tab', 'NAME');
  history.replaceState({}, '', url);
}"""
# Only in the browser: an answer of the server could arrive after the user opened another tab.
OPEN_ADDRESS = """() => {
  const wanted = new URL(location).searchParams.get('tab');
  window.addressRead = true;
  return {__type__: 'update', ...(TABS.includes(wanted) ? {selected: wanted} : {})};
}""".replace("TABS", str(list(TABS)))


def build_page(services: Services) -> gr.Blocks:
    """Build the whole page and publish the endpoints."""
    with ValidatedBlocks(title="Waterline", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        # First, so that no callback of a tab gets the api_name of an endpoint.
        publish(services)
        with gr.Row(elem_id="head"):
            status_bar.build(services, page)
        with gr.Tabs(selected=TABS[0], elem_id="tabs") as tabs:
            for name in TABS:
                with gr.Tab(name.capitalize(), id=name, elem_id=f"tab-{name}") as tab:
                    # First, so that a reload opens this tab even while its content is still loading.
                    tab.select(None, js=ADDRESS.replace("NAME", name))
                    BUILDERS[name](TabContext(services, page, tabs, tab))
        page.load(None, None, tabs, js=OPEN_ADDRESS)
    # Only launch() sets it; without it Gradio serves any file that a function returns.
    page.has_launched = True
    return page
