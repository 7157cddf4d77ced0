"""The page: a slim strip above seven tabs, in the order of the work."""

from __future__ import annotations

import gradio as gr

from workbench.services import Services
from workbench.ui import api, strip
from workbench.ui.place import TABS, Place, open_tab
from workbench.ui.tabs import augment, collect, evaluate, label, models, predict, train

BUILDERS = {
    "collect": collect.build,
    "label": label.build,
    "augment": augment.build,
    "train": train.build,
    "evaluate": evaluate.build,
    "models": models.build,
    "predict": predict.build,
}
# Gradio selects the first tab by itself while it loads; that must not overwrite the address before it is read.
ADDRESS = """() => {
  if (!window.addressRead) return;
  const url = new URL(location);
  url.searchParams.set('tab', '%s');
  history.replaceState({}, '', url);
}"""
ADDRESS_READ = "() => { window.addressRead = true; }"


def build_page(services: Services) -> gr.Blocks:
    """Build the whole page and publish the endpoints."""
    with gr.Blocks(title="Waterline", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        # First, so that no callback of a tab takes the name of an endpoint.
        api.publish(services)
        with gr.Row(elem_id="head"):
            strip.build(services, page)
        with gr.Tabs(selected=TABS[0], elem_id="tabs") as tabs:
            for name in TABS:
                with gr.Tab(name.capitalize(), id=name, elem_id=f"tab-{name}") as tab:
                    BUILDERS[name](Place(services, page, tabs, tab))
                tab.select(None, js=ADDRESS % name)
        opened = page.load(
            _from_address, outputs=tabs, api_visibility="private", queue=False, show_progress="hidden"
        )
        opened.then(None, js=ADDRESS_READ)
    return page


def _from_address(request: gr.Request) -> gr.Tabs:
    wanted = str(request.query_params.get("tab", ""))
    return open_tab(wanted if wanted in TABS else TABS[0])
