// A picture pasted anywhere on the tab, but not into a field, is sent to the server.
export function mount({ element, trigger, upload }) {
  async function paste(event) {
    if (!element.isConnected) return document.removeEventListener('paste', paste);
    const tab = element.closest('#collect');
    const pictures = [...(event.clipboardData ? event.clipboardData.files : [])].filter((file) => file.type.startsWith('image/'));
    if (!pictures.length || tab.offsetParent === null || event.target.closest('input,textarea,[contenteditable=true]')) return;
    event.preventDefault();
    const stamp = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
    const files = [];
    for (const [number, picture] of pictures.entries()) {
      const kind = picture.type.split('/')[1].split('+')[0];
      const name = `pasted-${stamp}${number ? `-${number + 1}` : ''}.${kind}`;
      const { path } = await upload(new File([picture], name, { type: picture.type }));
      files.push({ path, orig_name: name });
    }
    trigger('paste', { files });
  }
  document.addEventListener('paste', paste);
}
