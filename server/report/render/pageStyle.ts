/**
 * Style of the saved page: the variables that the editor hands to a webview, with the values of its themes Light Modern
 * and Dark Modern, and the few rules of the static tables.
 */
export const pageStyle = `
:root { color-scheme: light dark; }
body {
  --vscode-font-family: 'Segoe WPC', 'Segoe UI', Ubuntu, 'Liberation Sans', system-ui, sans-serif;
  --vscode-font-size: 13px;
  --vscode-font-weight: normal;
  --vscode-editor-font-family: Consolas, 'Ubuntu Mono', 'DejaVu Sans Mono', monospace;
  --vscode-editor-font-size: 13px;
  margin: 0;
  background: var(--vscode-editor-background);
  color: var(--vscode-foreground);
  font: var(--vscode-font-size) / 20px var(--vscode-font-family);
}
body.vscode-light {
  --vscode-foreground: #3B3B3B;
  --vscode-descriptionForeground: #3B3B3B;
  --vscode-errorForeground: #F85149;
  --vscode-focusBorder: #005FB8;
  --vscode-icon-foreground: #3B3B3B;
  --vscode-editor-background: #FFFFFF;
  --vscode-editor-foreground: #3B3B3B;
  --vscode-editorWarning-foreground: #BF8803;
  --vscode-editorError-foreground: #E51400;
  --vscode-editorInfo-foreground: #0063D3;
  --vscode-editorHoverWidget-background: #F8F8F8;
  --vscode-editorHoverWidget-border: #C8C8C8;
  --vscode-editorWidget-background: #F8F8F8;
  --vscode-widget-border: #E5E5E5;
  --vscode-widget-shadow: rgba(0,0,0,.16);
  --vscode-panel-border: #E5E5E5;
  --vscode-panelTitle-activeBorder: #005FB8;
  --vscode-panelTitle-activeForeground: #3B3B3B;
  --vscode-panelTitle-inactiveForeground: #3B3B3B;
  --vscode-sideBar-background: #F8F8F8;
  --vscode-list-hoverBackground: #F2F2F2;
  --vscode-list-activeSelectionBackground: #E8E8E8;
  --vscode-list-activeSelectionForeground: #000000;
  --vscode-button-background: #005FB8;
  --vscode-button-foreground: #FFFFFF;
  --vscode-button-secondaryBackground: #E5E5E5;
  --vscode-button-secondaryForeground: #3B3B3B;
  --vscode-input-background: #FFFFFF;
  --vscode-input-border: #CECECE;
  --vscode-input-foreground: #3B3B3B;
  --vscode-input-placeholderForeground: #767676;
  --vscode-dropdown-background: #FFFFFF;
  --vscode-dropdown-border: #CECECE;
  --vscode-badge-background: #CCCCCC;
  --vscode-badge-foreground: #3B3B3B;
  --vscode-progressBar-background: #005FB8;
  --vscode-textLink-foreground: #005FB8;
}
body.vscode-dark {
  --vscode-foreground: #CCCCCC;
  --vscode-descriptionForeground: #9D9D9D;
  --vscode-errorForeground: #F85149;
  --vscode-focusBorder: #0078D4;
  --vscode-icon-foreground: #CCCCCC;
  --vscode-editor-background: #1F1F1F;
  --vscode-editor-foreground: #CCCCCC;
  --vscode-editorWarning-foreground: #CCA700;
  --vscode-editorError-foreground: #F14C4C;
  --vscode-editorInfo-foreground: #59A4F9;
  --vscode-editorHoverWidget-background: #202020;
  --vscode-editorHoverWidget-border: #454545;
  --vscode-editorWidget-background: #202020;
  --vscode-widget-border: #313131;
  --vscode-widget-shadow: rgba(0,0,0,.36);
  --vscode-panel-border: #2B2B2B;
  --vscode-panelTitle-activeBorder: #0078D4;
  --vscode-panelTitle-activeForeground: #CCCCCC;
  --vscode-panelTitle-inactiveForeground: #9D9D9D;
  --vscode-sideBar-background: #181818;
  --vscode-list-hoverBackground: #2A2D2E;
  --vscode-list-activeSelectionBackground: #04395E;
  --vscode-list-activeSelectionForeground: #FFFFFF;
  --vscode-button-background: #0078D4;
  --vscode-button-foreground: #FFFFFF;
  --vscode-button-secondaryBackground: #313131;
  --vscode-button-secondaryForeground: #CCCCCC;
  --vscode-input-background: #313131;
  --vscode-input-border: #3C3C3C;
  --vscode-input-foreground: #CCCCCC;
  --vscode-input-placeholderForeground: #989898;
  --vscode-dropdown-background: #313131;
  --vscode-dropdown-border: #3C3C3C;
  --vscode-badge-background: #616161;
  --vscode-badge-foreground: #F8F8F8;
  --vscode-progressBar-background: #0078D4;
  --vscode-textLink-foreground: #4DAAFC;
}
.static { max-width: 1120px; margin: 0 auto; padding: 16px; font-variant-numeric: tabular-nums; }
.static h1 { font: bold 15px / 22px var(--vscode-editor-font-family); margin: 0; }
.static h2 { font-size: 13px; margin: 24px 0 4px; }
.static .answer { font-size: 15px; line-height: 22px; }
.static .muted { opacity: 0.8; font-size: 12px; }
.static table { border-collapse: collapse; }
.static th, .static td { text-align: left; padding: 2px 12px 2px 0; border-bottom: 1px solid var(--vscode-panel-border); vertical-align: top; }
.static .n { text-align: right; }
.static .n, .static .w { white-space: nowrap; }
.static code { font-family: var(--vscode-editor-font-family); }
.static :not(.w) > code { overflow-wrap: anywhere; }
@media (scripting: none) and (prefers-color-scheme: dark) {
  body.vscode-light {
    --vscode-foreground: #CCCCCC;
    --vscode-editor-foreground: #CCCCCC;
    --vscode-editor-background: #1F1F1F;
    --vscode-panel-border: #2B2B2B;
    --vscode-textLink-foreground: #4DAAFC;
  }
}
`;
