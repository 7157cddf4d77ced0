"""What the page says where the disk has no room for an upload."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.running import Server
from tests.workbench.small_disk import small_disk

MEGABYTE = 2**20


def test_the_page_says_why_an_upload_was_not_taken(browser: Browser, tmp_path: Path) -> None:
    large = tmp_path / "large.zip"
    large.write_bytes(bytes(48 * MEGABYTE))
    with small_disk(tmp_path / "disk", 72) as disk:
        server = Server(disk, GRADIO_TEMP_DIR="", WORKBENCH_RESERVE_MB="32").start()
        page = browser.new_page()
        try:
            page.goto(server.url)
            page.locator("#collect-drop input[type=file]").set_input_files(large)
            said = page.get_by_text("The disk of the folder of uploads is full but for")
            expect(said.first).to_be_visible(timeout=60_000)
        finally:
            page.close()
            server.close()
