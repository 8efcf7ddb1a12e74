// Drives the workbench as a person would: right-click a file, choose from a menu, look into the panels.

/** Opens `folder` in the workbench at `server`; the extension is `extension` (a folder) or, without it, an installed one. */
export async function openWorkbench(browser, server, folder, { extension, theme = 'dark', width = 1280, height = 860 } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce' });
  await page.goto(server.url(folder, extension ? [['extensionDevelopmentPath', server.remote(extension)]] : []));
  await explorer(page).locator('.monaco-list-row').first().waitFor({ timeout: 60_000 });
  return page;
}

/** Waits for the theme that the settings prefer: while they load, another of the same kind may come first and stay. */
export async function settleTheme(page, theme) {
  const wanted = `${theme}_modern-json`;
  for (let tries = 0; tries < 8; tries++) {
    await page.waitForTimeout(1000);
    if (((await page.locator('.monaco-workbench').first().getAttribute('class')) ?? '').includes(wanted)) return;
    await page.emulateMedia({ colorScheme: theme === 'dark' ? 'light' : 'dark' });
    await page.waitForTimeout(500);
    await page.emulateMedia({ colorScheme: theme });
  }
  throw new Error(`The workbench did not take the theme ${wanted}.`);
}

export function explorer(page) {
  return page.locator('.explorer-folders-view');
}

/** Shows a file of the explorer: `models/plain.onnx` unfolds `models` first. */
export async function reveal(page, file) {
  const parts = file.split('/');
  for (const [depth, name] of parts.entries()) {
    const row = explorer(page).getByRole('treeitem', { name, exact: true, level: depth + 1 });
    await row.waitFor({ timeout: 30_000 });
    if (depth < parts.length - 1 && (await row.getAttribute('aria-expanded')) === 'false') await row.click();
    if (depth === parts.length - 1) return row;
  }
  throw new Error(`There is no file ${file}.`);
}

/** Opens a row of the side bar's first tree by keyboard: the tree draws visible rows only. */
export async function openInTree(page, name) {
  const tree = page.locator('.sidebar .monaco-list').first();
  await tree.focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 200; i++) {
    const focused = tree.locator('.monaco-list-row.focused');
    if ((await focused.count()) > 0 && name.test((await focused.innerText()).trim())) {
      await page.keyboard.press('Enter');
      return;
    }
    await page.keyboard.press('ArrowDown');
    await page.waitForTimeout(30);
  }
  throw new Error(`The tree has no row ${name}.`);
}

/** Right-clicks a file of the explorer and returns the labels of the menu that opens. */
export async function contextMenu(page, file) {
  const row = await reveal(page, file);
  await row.click({ button: 'right' });
  await page.locator('.monaco-menu .action-item').first().waitFor();
  await page.waitForTimeout(400); // the menu fades in
  return (await page.locator('.monaco-menu .action-label').allInnerTexts()).filter((text) => text.trim() !== '');
}

/** Right-click › submenu › command. The menu is opened again while the extension's part of it is not there yet. */
export async function chooseFromContextMenu(page, file, submenu, command) {
  for (let tries = 0; !(await contextMenu(page, file)).includes(submenu) && tries < 10; tries++) {
    await page.keyboard.press('Escape');
    await page.waitForTimeout(1000);
  }
  await page.getByRole('menuitem', { name: submenu }).hover();
  await page.getByRole('menuitem', { name: submenu }).click();
  const item = page.getByRole('menuitem', { name: command });
  await item.waitFor();
  await page.waitForTimeout(300);
  await item.click();
}

/** Runs a command by its title from the command palette. */
export async function runCommand(page, title) {
  await page.keyboard.press('F1');
  const input = page.locator('.quick-input-widget input').first();
  await input.waitFor();
  await input.fill(`>${title}`);
  await page.locator('.quick-input-widget .monaco-list-row', { hasText: title.replace(/^.*: /, '') }).first().waitFor();
  await page.keyboard.press('Enter');
}

/** The document inside a webview: all of them, or the one that holds an element. */
export async function webviewWith(page, selector, { timeout = 30_000 } = {}) {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    for (const frame of page.frames()) {
      if (!frame.url().includes('fake.html')) continue;
      try {
        if ((await frame.locator(selector).count()) > 0) return frame;
      } catch {
        // The frame went away while it was asked.
      }
    }
    await page.waitForTimeout(100);
  }
  throw new Error(`No webview showed ${selector} within ${timeout / 1000} s.`);
}
