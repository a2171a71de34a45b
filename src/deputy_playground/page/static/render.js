// Messages, Block Kit and files as DOM. Everything from a message goes in as text, never as markup.
"use strict";

const Render = (() => {
  const el = (name, props = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(props)) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  };

  // Icons of our own for the emoji that a card uses: the page looks the same with and without an emoji font.
  const disc = (fill, path) => `<circle cx="10" cy="10" r="9" fill="${fill}"/>${path}`;
  const stroke = (d, colour = "#fff", width = 2.2) =>
    `<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"/>`;
  const PICTURES = {
    done: disc("#2f8f5b", stroke("M6 10.4l2.7 2.7L14 7.600")),
    fail: disc("#c4473d", stroke("M7 7l6 6M13 7l-6 6")),
    stop: disc("#c4473d", stroke("M5.800 10h8.400", "#fff", 2.800)),
    wait: disc("#c98a1b", stroke("M10 5.500v4.800l3 1.900")),
    hand: disc("#c98a1b", stroke("M8 6.300v7.400M12 6.300v7.400", "#fff", 2.400)),
    ask: disc("#3f7fb5", stroke("M7.600 7.900a2.400 2.400 0 1 1 3.500 2.100c-.8.4-1.100.8-1.100 1.500") + '<circle cx="10" cy="14.300" r="1.200" fill="#fff"/>'),
    now: disc("#3f7fb5", '<path d="M8 6.400v7.200l5.600-3.600z" fill="#fff"/>'),
    todo: `<circle cx="10" cy="10" r="7.500" fill="none" stroke="#9aa3a8" stroke-width="1.800" stroke-dasharray="3 2.400"/>`,
    warn: `<path d="M10 2l9 16H1z" fill="#dba02c"/>${stroke("M10 8v4.500", "#4a3200")}<circle cx="10" cy="15.300" r="1.200" fill="#4a3200"/>`,
    lock: `<rect x="4" y="9" width="12" height="8.500" rx="2.200" fill="#8a6d2b"/>${stroke("M6.500 9V6.500a3.500 3.500 0 0 1 7 0V9", "#8a6d2b")}`,
    clip: stroke("M14.500 9.500l-5 5a3 3 0 0 1-4.300-4.300l6-6a2 2 0 0 1 2.900 2.900l-5.700 5.700", "#7b8a92", 1.800),
    eyes: `<circle cx="6" cy="10" r="4.200" fill="#e8edf0" stroke="#7b8a92"/><circle cx="14" cy="10" r="4.200" fill="#e8edf0" stroke="#7b8a92"/><circle cx="7.200" cy="10.500" r="1.800" fill="#33414a"/><circle cx="15.200" cy="10.500" r="1.800" fill="#33414a"/>`,
    shield: `<path d="M10 2l6.500 2.500v5c0 4.200-2.700 7-6.500 8.500-3.800-1.500-6.500-4.300-6.500-8.500v-5z" fill="#2f6f6a"/>${stroke("M7 10l2.200 2.200L13 8")}`,
    search: stroke("M8.500 14a5.500 5.500 0 1 1 0-11 5.500 5.500 0 0 1 0 11zM13 13l4 4", "#3f7fb5"),
    repeat: stroke("M4 10a6 6 0 0 1 10.500-4M16 10a6 6 0 0 1-10.500 4M14.500 2.500V6H11M5.500 17.500V14H9", "#3f7fb5", 2),
  };
  const EMOJI = {
    "✅": "done", "✔️": "done", "✔": "done", "☑️": "done", "🟢": "done", "❌": "fail", "✖️": "fail", "🔴": "fail", "⛔": "stop", "🚫": "stop", "⏳": "wait",
    "⌛": "wait", "🕐": "wait", "⏱️": "wait", "✋": "hand", "⏸️": "hand", "🟡": "hand", "❓": "ask", "❔": "ask", "▶️": "now", "▶": "now", "🔵": "now", "▫️": "todo", "▫": "todo", "⚪": "todo",
    "⚠️": "warn", "⚠": "warn", "🔒": "lock", "🔐": "lock", "📎": "clip", "👀": "eyes", "🛡️": "shield", "🛡": "shield", "🔍": "search", "🔎": "search", "🔁": "repeat", "🔄": "repeat",
  };
  const CODES = {
    white_check_mark: "done", heavy_check_mark: "done", large_green_circle: "done", x: "fail", red_circle: "fail", no_entry: "stop", no_entry_sign: "stop",
    hourglass: "wait", hourglass_flowing_sand: "wait", hand: "hand", raised_hand: "hand", question: "ask", arrow_forward: "now", warning: "warn",
    lock: "lock", paperclip: "clip", eyes: "eyes", shield: "shield", mag: "search", repeat: "repeat",
  };
  const EMOJI_PATTERN = new RegExp(`(${Object.keys(EMOJI).sort((a, b) => b.length - a.length).join("|")})|:([a-z_]+):`, "gu");

  const svg = (inner, label, className = "emoji") => {
    const holder = document.createElement("template");
    holder.innerHTML = `<svg viewBox="0 0 20 20" class="${className}">${inner}</svg>`; // constants of this file only
    const node = holder.content.firstChild;
    if (label) { node.setAttribute("role", "img"); node.setAttribute("aria-label", label); } else node.setAttribute("aria-hidden", "true");
    return node;
  };
  const icon = (d) => svg(`<path d="${d}" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round"/>`, "", "icon");

  const withEmoji = (text) => {
    const out = [];
    let at = 0;
    for (const match of text.matchAll(EMOJI_PATTERN)) {
      const name = match[1] ? EMOJI[match[1]] : CODES[match[2]];
      if (!name) continue;
      out.push(text.slice(at, match.index), svg(PICTURES[name], match[1] || match[2].replaceAll("_", " ")));
      at = match.index + match[0].length;
    }
    return [...out, text.slice(at)];
  };
  const unescape = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

  const mention = (ctx, id) => {
    const person = ctx.people.get(id);
    return el("span", { class: id === ctx.you ? "mention me" : "mention" }, `@${person ? person.name : id}`);
  };
  const channelLink = (ctx, id, label) => {
    const channel = ctx.channels.get(id);
    return el("a", { class: "mention", href: `#${id}` }, `#${(channel && channel.name) || label || id}`);
  };
  const link = (url, label) => {
    const safe = /^(https?|mailto):/i.test(url);
    return safe ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label || url) : `${label || url}`;
  };

  const entity = (ctx, body) => {
    const [target, label] = body.split(/\|(.*)/s);
    if (target.startsWith("@")) return mention(ctx, target.slice(1));
    if (target.startsWith("#")) return channelLink(ctx, target.slice(1), label);
    if (target.startsWith("!date")) return unescape(label || "");
    if (target.startsWith("!")) return el("span", { class: "mention me" }, `@${target.slice(1).split("^")[0]}`);
    return link(unescape(target), label && unescape(label));
  };

  // Code in a fence; where it reads like a diff, coloured as one.
  const fenced = (text) => {
    const rows = text.split("\n");
    if (!rows.some((line) => /^[+-]/.test(line)) || !rows.every((line) => /^([+\-@ ]|$)/.test(line))) return [text];
    return rows.map((line) => el("span", { class: line.startsWith("+") ? "add" : line.startsWith("-") ? "del" : line.startsWith("@") ? "hunk" : "same" }, line || " "));
  };

  // Slack's mrkdwn, one span at a time; what does not match is text.
  const SPAN = /```\n?([\s\S]+?)\n?```|`([^`\n]+)`|<([^<>\s][^<>]*)>|(?<![\w*])\*([^*\n]+)\*(?![\w*])|(?<![\w_])_([^_\n]+)_(?![\w_])|(?<![\w~])~([^~\n]+)~(?![\w~])/g;
  const spans = (ctx, text) => {
    const out = [];
    let at = 0;
    for (const match of text.matchAll(SPAN)) {
      out.push(...withEmoji(unescape(text.slice(at, match.index))));
      const [, pre, code, ent, bold, italic, gone] = match;
      if (pre !== undefined) out.push(el("pre", {}, fenced(unescape(pre))));
      else if (code !== undefined) out.push(el("code", {}, unescape(code)));
      else if (ent !== undefined) out.push(entity(ctx, ent));
      else if (bold !== undefined) out.push(el("b", {}, spans(ctx, bold)));
      else if (italic !== undefined) out.push(el("em", {}, spans(ctx, italic)));
      else out.push(el("s", {}, spans(ctx, gone)));
      at = match.index + match[0].length;
    }
    return [...out, ...withEmoji(unescape(text.slice(at)))];
  };
  const lines = (nodes) => nodes.flatMap((node) =>
    typeof node === "string" ? node.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line])) : [node]);

  // A line that begins with a picture or a bullet hangs under it when it wraps.
  const row = (ctx, line, index) => {
    const nodes = spans(ctx, line);
    const first = nodes.find((node) => node !== "");
    const hangs = line.startsWith("•") || (first instanceof SVGElement && nodes.length > 1);
    if (hangs) return [el("span", { class: "hanging" }, nodes)];
    return index ? [el("br"), ...nodes] : nodes;
  };

  const mrkdwn = (ctx, text) => {
    const groups = [];
    for (const part of text.split(/(```[\s\S]+?```)/)) {
      if (part.startsWith("```")) { groups.push(...spans(ctx, part)); continue; }
      for (const chunk of part.split(/((?:^|\n)(?:&gt;|>)[^\n]*(?:\n(?:&gt;|>)[^\n]*)*)/)) {
        const body = chunk.replace(/^\n+|\n+$/g, "");
        if (!body) continue;
        if (/^(&gt;|>)/.test(body)) groups.push(el("blockquote", {}, lines(spans(ctx, body.replace(/^(&gt;|>) ?/gm, "")))));
        else groups.push(el("p", {}, body.split("\n").flatMap((line, index) => row(ctx, line, index))));
      }
    }
    return groups;
  };
  const words = (ctx, object) => (object.type === "mrkdwn" ? mrkdwn(ctx, object.text) : [el("p", {}, lines(withEmoji(object.text)))]);

  // rich_text
  const styled = (node, style = {}) => {
    let out = node;
    if (style.code) out = el("code", {}, out);
    if (style.bold) out = el("b", {}, out);
    if (style.italic) out = el("em", {}, out);
    if (style.strike) out = el("s", {}, out);
    return out;
  };
  const inline = (ctx, element) => {
    switch (element.type) {
      case "user": return mention(ctx, element.user_id);
      case "channel": return channelLink(ctx, element.channel_id);
      case "broadcast": return el("span", { class: "mention me" }, `@${element.range}`);
      case "link": return link(element.url, element.text);
      case "emoji": return CODES[element.name] ? svg(PICTURES[CODES[element.name]], element.name) : `:${element.name}:`;
      default: {
        const body = element.text || "";
        return element.style && Object.values(element.style).some(Boolean) ? styled(body, element.style) : body;
      }
    }
  };
  const inlines = (ctx, items) => lines((items || []).flatMap((item) => {
    const node = inline(ctx, item);
    return typeof node === "string" && item.type === "text" ? withEmoji(node) : [node];
  }));
  const rich = (ctx, element) => {
    if (element.type === "rich_text_preformatted") return el("pre", {}, (element.elements || []).map((item) => item.text || item.url || ""));
    if (element.type === "rich_text_quote") return el("blockquote", {}, inlines(ctx, element.elements));
    if (element.type === "rich_text_list") {
      const list = el(element.style === "ordered" ? "ol" : "ul", {}, (element.elements || []).map((item) => el("li", {}, inlines(ctx, item.elements))));
      if (element.indent) list.style.marginLeft = `${element.indent * 22}px`;
      return list;
    }
    return el("p", {}, inlines(ctx, element.elements));
  };

  const control = (ctx, message, block, element) => {
    const act = (choice) => ctx.act && ctx.act(message, element, choice);
    if (element.type === "button") {
      const look = `button ${element.style || ""}`;
      const label = withEmoji(element.text.text);
      if (element.url) return el("a", { class: look, href: /^https?:/.test(element.url) ? element.url : "#", target: "_blank", rel: "noopener noreferrer" }, label);
      return el("button", { class: look, type: "button", disabled: !ctx.act, onclick: async (event) => {
        const pressed = event.currentTarget;
        pressed.disabled = true;
        try { await act(""); } finally { pressed.disabled = false; }
      } }, label);
    }
    if (element.type === "static_select" || element.type === "overflow") {
      const menu = el("select", { class: "button", disabled: !ctx.act, "aria-label": element.placeholder ? element.placeholder.text : "Choose" },
        el("option", { value: "" }, element.placeholder ? element.placeholder.text : "…"),
        (element.options || []).map((option) => el("option", { value: option.value }, option.text.text)));
      menu.addEventListener("change", () => menu.value && act(menu.value));
      return menu;
    }
    return el("span", { class: "badge" }, element.type);
  };

  const block = (ctx, message, item) => {
    switch (item.type) {
      case "header": return el("h3", {}, withEmoji(item.text.text));
      case "divider": return el("hr");
      case "section": return el("div", { class: "section" },
        el("div", { class: "prose" }, item.text ? words(ctx, item.text) : null,
          item.fields ? el("div", { class: "fields" }, item.fields.map((field) => el("div", {}, words(ctx, field)))) : null),
        item.accessory ? control(ctx, message, item, item.accessory) : null);
      case "context": return el("div", { class: "context" }, item.elements.map((part) =>
        part.type === "image" ? el("span", {}, part.alt_text) : el("span", {}, words(ctx, part))));
      case "actions": return el("div", { class: "actions" }, item.elements.map((part) => control(ctx, message, item, part)));
      case "rich_text": return el("div", {}, item.elements.map((part) => rich(ctx, part)));
      case "markdown": return el("div", {}, mrkdwn(ctx, item.text.replace(/\*\*(.+?)\*\*/g, "*$1*")));
      case "image": return el("figure", {}, item.alt_text);
      default: return el("span", { class: "badge" }, item.type);
    }
  };
  const blocks = (ctx, message, items) => el("div", { class: "blocks" }, items.map((item) => block(ctx, message, item)));

  // files
  const diffKind = (line) => (/^(---$|diff |index |--- |\+\+\+ |From |new file|deleted file|similarity|rename )/.test(line) ? "meta"
    : line.startsWith("@@") ? "hunk" : line.startsWith("+") ? "add" : line.startsWith("-") && line !== "-- " ? "del" : "");
  const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\b\d[\d.eE+-]*\b|\btrue\b|\bfalse\b|\bnull\b)/g;
  const jsonLine = (line) => {
    const out = [];
    let at = 0;
    for (const match of line.matchAll(JSON_TOKEN)) {
      out.push(line.slice(at, match.index));
      const kind = match[3] !== undefined ? "number" : match[2] ? "key" : "string";
      out.push(el("span", { class: kind }, match[1] || match[3]), match[2] || "");
      at = match.index + match[0].length;
    }
    return [...out, line.slice(at)];
  };
  const preview = (file, content) => {
    const isDiff = /\.(patch|diff)$/.test(file.name);
    const isJson = /\.jsonl?$/.test(file.name);
    let text = content;
    if (/\.json$/.test(file.name)) { try { text = JSON.stringify(JSON.parse(content), null, 2); } catch { text = content; } }
    const all = text.replace(/\n$/, "").split("\n");
    const shown = all.slice(0, 1500);
    const rows = shown.map((line) => el("div", { class: isDiff ? diffKind(line) : "" }, isJson ? jsonLine(line) : line));
    if (all.length > shown.length) rows.push(el("div", { class: "meta" }, `… and ${all.length - shown.length} more lines`));
    return el("div", { class: "preview", tabindex: "0", role: "region", "aria-label": file.name }, rows);
  };
  const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} kB` : `${(bytes / 1048576).toFixed(1)} MB`);
  const fileCard = (ctx, file) => {
    const more = el("span", { class: "more" }, "Show");
    const head = el("button", { type: "button", "aria-expanded": "false" },
      el("span", { class: "glyph" }, (file.name.split(".").pop() || "txt").slice(0, 5)),
      el("span", { class: "label" }, el("b", {}, file.title || file.name), el("small", {}, `${file.name} · ${size(file.size)}`)), more);
    const card = el("div", { class: "file" }, head);
    const toggle = async (open) => {
      ctx.opened.set(file.id, open);
      head.setAttribute("aria-expanded", String(open));
      more.textContent = open ? "Hide" : "Show";
      card.querySelector(".preview")?.remove();
      if (open) { const content = await ctx.content(file); card.querySelector(".preview")?.remove(); if (ctx.opened.get(file.id)) card.append(preview(file, content)); }
    };
    head.addEventListener("click", () => toggle(!ctx.opened.get(file.id)));
    if (ctx.opened.get(file.id)) toggle(true);
    return card;
  };

  const initials = (name) => name.split(/\s+/).map((part) => part[0]).slice(0, 2).join("").toUpperCase();
  const avatar = (person) => {
    const node = el("span", { class: person.bot ? "avatar bot" : "avatar", "aria-hidden": "true" });
    if (person.bot) node.append(svg(stroke("M10 2.500l5.500 2.100v4.600c0 3.700-2.300 6.300-5.500 7.800-3.200-1.500-5.500-4.100-5.500-7.800V4.600z", "#fff", 1.600) + stroke("M7.400 9.600l2 2 3.400-3.600", "#fff", 1.800), ""));
    else { node.textContent = initials(person.name); node.style.setProperty("--hue", person.hue); }
    return node;
  };
  const clock = (ts) => new Date(Number(ts) * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const day = (ts) => {
    const date = new Date(Number(ts) * 1000);
    const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86400000);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
  };

  const isCard = (message) => (message.blocks || []).some((item) => ["header", "actions", "divider"].includes(item.type) || item.fields);
  const body = (ctx, message) => {
    const node = el("div", { class: isCard(message) ? "body card" : "body" });
    if (message.blocks && message.blocks.length) node.append(blocks(ctx, message, message.blocks));
    else if (message.text) node.append(...mrkdwn(ctx, message.text));
    for (const item of message.attachments || []) {
      const part = el("div", { class: "attachment" }, item.blocks ? blocks(ctx, message, item.blocks) : mrkdwn(ctx, item.text || item.fallback || ""));
      if (item.color) part.style.borderColor = item.color.startsWith("#") ? item.color : `#${item.color}`;
      node.append(part);
    }
    if (message.edited && !message.bot_id) node.append(el("span", { class: "edited" }, " (edited)"));
    if (message.files) node.append(el("div", { class: "files" }, message.files.map((file) => fileCard(ctx, file))));
    if (message.reactions && message.reactions.length) node.append(el("div", { class: "reactions" }, message.reactions.map((item) =>
      el("span", { title: item.users.map((id) => ctx.people.get(id)?.name || id).join(", ") }, withEmoji(`:${item.name}:`), ` ${item.count}`))));
    return node;
  };

  // One message. `previous` decides whether it follows on from the same person.
  const message = (ctx, item, previous, below) => {
    const person = ctx.people.get(item.user) || { name: item.user, hue: 200 };
    const follow = previous && previous.user === item.user && !previous.only_for && !item.only_for && Number(item.ts) - Number(previous.ts) < 240 && !isCard(item) && !isCard(previous);
    const tag = person.bot ? "APP" : person.guest ? "guest" : person.stranger ? "other company" : "";
    return el("div", { class: `message${follow ? " follow" : ""}${item.only_for ? " whisper" : ""}`, "data-ts": item.ts },
      avatar(person),
      el("div", {},
        item.only_for ? el("div", { class: "note" }, icon("M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4"),
          item.only_for === ctx.you && !ctx.paper ? "Only visible to you" : `Only visible to ${ctx.people.get(item.only_for)?.name || item.only_for}`) : null,
        follow ? null : el("div", { class: "by" }, el("b", {}, person.name), tag ? el("span", { class: "badge" }, tag) : null, el("time", { datetime: new Date(Number(item.ts) * 1000).toISOString() }, clock(item.ts))),
        body(ctx, item), below || null));
  };

  return { el, icon, avatar, message, blocks, words, mrkdwn, clock, day, withEmoji };
})();
