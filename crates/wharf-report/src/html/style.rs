//! The style sheet of a page. It names system fonts only and loads nothing.

/// Colours are variables, so that the dark setting changes them in one place; paper is always light.
pub(super) const PAGE: &str = "\
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--text:#1c2128;--mute:#59626e;--rule:#e1e4e9;--code:#f3f4f6;--accent:#0a5ca0}\
@media screen and (prefers-color-scheme:dark){:root{--page:#0e1014;--card:#16191f;--text:#e8eaed;--mute:#a2abb7;\
--rule:#2b303a;--code:#1f232b;--accent:#7cbdf5}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--page);color:var(--text);font:15px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,\
'Helvetica Neue','Noto Sans',Arial,sans-serif;overflow-wrap:anywhere}\
main{max-width:1060px;margin:0 auto;padding:40px 24px 64px}\
h1{font-size:28px;line-height:1.25;margin:0 0 6px;letter-spacing:-.01em}\
h2{font-size:18px;line-height:1.3;margin:0 0 14px}\
p{margin:0 0 12px;max-width:46em}.lead{color:var(--mute);margin-bottom:20px}\
nav{margin:0 0 24px;font-size:14px}nav a{color:var(--accent);margin-right:18px;text-decoration:none;white-space:nowrap}\
nav a:hover{text-decoration:underline}\
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:22px 24px 24px;margin:0 0 20px}\
section>:last-child{margin-bottom:0}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 24px}\
.tiles div{display:flex;flex-direction:column-reverse;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 16px}\
.tiles dt{color:var(--mute);font-size:13px}.tiles dd{margin:0;font-size:24px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}\
.facts{display:grid;grid-template-columns:minmax(8em,max-content) 1fr;gap:5px 24px;margin:0 0 16px}\
.facts dt{color:var(--mute)}.facts dd{margin:0}\
.wide{overflow-x:auto;margin:0 0 16px}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%;font-size:14px}\
th{text-align:left;font-weight:600;color:var(--mute);border-bottom:1px solid var(--rule);padding:6px 12px;white-space:nowrap}\
td{border-bottom:1px solid var(--rule);padding:6px 12px}tbody tr:last-child td{border-bottom:0}\
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}\
.n{text-align:right;white-space:nowrap}\
details{margin:0 0 16px}summary{cursor:pointer;color:var(--accent);font-size:14px}details .wide{margin:10px 0 0}\
pre{background:var(--code);border-radius:8px;padding:14px 16px;margin:0 0 16px;overflow-x:auto;overflow-wrap:normal;\
font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;tab-size:4}\
.charts{display:flex;flex-wrap:wrap;align-items:flex-start;gap:12px 20px;margin:0 -16px 8px}\
.charts svg{max-width:100%;height:auto;display:block}\
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:16px 12px;margin:0 0 16px}\
figure{margin:0}figure img{display:block;width:104px;height:104px;object-fit:contain;image-rendering:pixelated;\
background:var(--code);border-radius:6px}\
figcaption{font-size:12px;line-height:1.4;margin-top:6px;color:var(--mute);white-space:pre-line}\
footer{color:var(--mute);font-size:13px}\
@media print{body{font-size:12px;background:#fff}main{max-width:none;padding:0}nav{display:none}\
section{border:0;border-top:1px solid var(--rule);border-radius:0;padding:14px 0}\
svg,figure,tr,p,.tiles,.facts{break-inside:avoid}.charts{margin:0}h2,p{break-after:avoid}.even svg{max-width:calc(50% - 10px)}pre{white-space:pre-wrap}\
.tiles div{padding:8px 12px}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";
