// The live page: state from /page/state, changes over /page/live, gestures as POSTs.
"use strict";

(() => {
  const { el, icon, avatar, message, blocks, clock, day } = Render;
  const $ = (id) => document.getElementById(id);
  const CLOSE = "M5 5l10 10M15 5L5 15";
  const SEND = "M3 10l14-6-5 13-3-5.500zM9 11.500L17 4";
  const COMMANDS = [["/deputy help", "what Deputy can do"], ["/deputy status", "what is running"], ["/deputy audit", "who did what, and why"], ["/deputy cancel", "stop a task"]];
  const params = new URLSearchParams(location.search);
  const drafts = new Map();
  const unread = new Map();
  let state = null;
  let ctx = null;
  let where = { channel: "C0SHOP", thread: "", tab: "messages" };
  let shownView = "";

  const toast = (text) => {
    const node = el("div", { class: "toast" }, icon("M10 3l8 14H2zM10 8v4M10 14.500v.1"), text);
    $("toasts").append(node);
    setTimeout(() => node.remove(), 6000);
  };
  const post = async (name, body) => {
    const response = await fetch(`/page/${name}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: state.you, ...body }) });
    const answer = await response.json().catch(() => ({ ok: false, error: "The playground did not answer." }));
    if (!answer.ok) toast(answer.error);
    return answer;
  };

  const load = async () => {
    const you = state ? state.you : params.get("as") || "U0ALICE";
    const response = await fetch(`/page/state?as=${encodeURIComponent(you)}`);
    if (!response.ok) { toast((await response.json()).error); return; }
    state = await response.json();
    ctx = {
      you: state.you,
      people: new Map(state.people.map((person) => [person.id, person])),
      channels: new Map(state.channels.map((channel) => [channel.id, channel])),
      opened: ctx ? ctx.opened : new Map(),
      contents: ctx ? ctx.contents : new Map(),
      async content(file) {
        if (!this.contents.has(file.id)) this.contents.set(file.id, await (await fetch(`/page/files/${file.id}`)).text());
        return this.contents.get(file.id);
      },
      act,
    };
    go();
    showViews();
  };

  const act = async (item, element, choice) => {
    if (element.confirm && !(await Forms.confirm(ctx, element.confirm))) return;
    const action = element.action_id || element.text.text;
    const target = item.team_id && item.blocks && !item.ts ? { view: item.id } : { channel: where.channel, ts: item.ts };
    await post("click", { ...target, action, choice });
  };

  // where we are: /#C0SHOP/1700000000.000100
  const go = () => {
    const [channel, thread] = location.hash.slice(1).split("/");
    const known = ctx.channels.has(channel) ? channel : state.channels[0].id;
    if (known !== where.channel) where.tab = "messages";
    where = { channel: known, thread: known === channel ? thread || "" : "", tab: where.tab };
    unread.delete(known);
    draw(true);
  };
  const visit = (channel, thread = "") => { location.hash = thread ? `${channel}/${thread}` : channel; };

  const draw = (jump = false) => {
    drawSide();
    drawRoom(jump);
    drawThread(jump);
  };

  let sideSign = "";
  const drawSide = () => {
    const sign = JSON.stringify([state.you, where.channel, state.connected, state.channels, [...unread]]);
    if (sign === sideSign) return;
    sideSign = sign;
    const row = (channel) => {
      const count = unread.get(channel.id) || 0;
      const bot = channel.direct ? [...ctx.people.values()].find((person) => person.bot) : null;
      return el("li", {}, el("button", { class: `row${count ? " unread" : ""}`, "aria-current": channel.id === where.channel ? "page" : null, onclick: () => { document.body.classList.remove("sided"); visit(channel.id); } },
        bot ? avatar(bot) : el("span", { class: "mark", "aria-hidden": "true" }, "#"), bot ? bot.name : channel.name,
        bot && !count ? el("span", { class: state.connected ? "dot on" : "dot", role: "img", "aria-label": state.connected ? "connected" : "not connected", title: state.connected ? "Deputy is connected" : "Deputy is not connected" }) : null,
        count ? el("span", { class: "count" }, String(count)) : null));
    };
    const me = ctx.people.get(state.you);
    const menuOpen = $("you") && $("you").querySelector(".menu");
    $("side").replaceChildren(
      el("div", { class: "team" }, el("img", { src: "/static/icon.svg", alt: "" }), el("div", {}, state.team, el("small", {}, "Deputy playground"))),
      el("div", { class: "grow" },
        el("h2", {}, "Channels"), el("ul", {}, state.channels.filter((channel) => !channel.direct).map(row)),
        el("h2", {}, "Apps"), el("ul", {}, state.channels.filter((channel) => channel.direct).map(row))),
      el("div", { id: "you" }, el("button", { "aria-haspopup": "menu", "aria-expanded": "false", onclick: togglePersonas },
        avatar(me), el("span", { class: "who" }, el("small", {}, "You are"), me.name, el("small", {}, me.hint)), icon("M5 12l5-5 5 5"))));
    if (menuOpen) togglePersonas();
  };

  const togglePersonas = () => {
    const open = $("you").querySelector(".menu");
    $("you").firstChild.setAttribute("aria-expanded", String(!open));
    if (open) { open.remove(); return; }
    const choose = (person) => {
      const next = new URLSearchParams(location.search);
      next.set("as", person.id);
      history.replaceState(null, "", `?${next}${location.hash}`);
      state.you = person.id;
      unread.clear();
      togglePersonas();
      load();
    };
    const people = state.people.filter((person) => !person.bot);
    const menu = el("div", { class: "menu", role: "menu", onkeydown: menuKeys }, el("p", {}, "Be somebody else"), people.map((person) =>
      el("button", { role: "menuitem", onclick: () => choose(person) }, avatar(person), el("span", {}, person.name, el("small", {}, person.hint)))));
    $("you").append(menu);
    menu.querySelector("button").focus();
  };
  const menuKeys = (event) => {
    const items = [...event.currentTarget.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length].focus();
    else if (event.key === "Escape") { togglePersonas(); $("you").firstChild.focus(); event.stopPropagation(); }
    else return;
    event.preventDefault();
  };

  const all = () => state.messages[where.channel] || [];
  const isRoot = (item) => !item.thread_ts || item.thread_ts === item.ts;

  const drawRoom = (jump) => {
    const channel = ctx.channels.get(where.channel);
    const bot = [...ctx.people.values()].find((person) => person.bot);
    const tab = (name, label) => el("button", { role: "tab", "aria-selected": String(where.tab === name), onclick: () => { where.tab = name; if (name === "home") post("home", {}); draw(true); } }, label);
    document.title = `${channel.direct ? bot.name : `#${channel.name}`} · ${state.team} · Deputy playground`;
    $("room-head").replaceChildren(
      el("button", { class: "icon-button menu-button", "aria-label": "Channels", onclick: () => document.body.classList.toggle("sided") }, icon("M3 5h14M3 10h14M3 15h14")),
      el("h1", {}, channel.direct ? bot.name : `# ${channel.name}`),
      channel.shared ? el("span", { class: "badge", title: "Someone from another company is in this channel" }, "shared") : "",
      channel.direct ? el("div", { class: "tabs", role: "tablist" }, tab("messages", "Messages"), tab("home", "Home")) : el("span", { class: "topic" }, channel.topic),
      el("div", { class: "faces", title: channel.members.map((id) => ctx.people.get(id).name).join(", ") }, channel.members.filter((id) => !ctx.people.get(id).deleted).map((id) => avatar(ctx.people.get(id)))));
    if (channel.direct && where.tab === "home") { drawHome(); return; }
    const roots = all().filter(isRoot);
    const nodes = [];
    roots.forEach((item, index) => {
      const before = roots[index - 1];
      if (!before || day(before.ts) !== day(item.ts)) nodes.push(el("div", { class: "day" }, day(item.ts)));
      const close = before && !repliesOf(before).length ? before : null;
      nodes.push(kept(where.channel, item, [close, repliesOf(item).map((reply) => [reply.ts, reply.user])], () => withTools(message(ctx, item, close, summary(item)), item)));
    });
    if (!roots.length) nodes.push(el("div", { class: "empty" }, el("b", {}, channel.direct ? "Just you and Deputy" : `#${channel.name}`), channel.direct ? "Ask for a small change, or type /deputy help." : "Nobody has said anything yet. Try: @Deputy can you just fix the lint in shop?"));
    drawComposer($("room-compose"), where.channel, "", channel.direct ? "Message Deputy" : `Message #${channel.name}`);
    fill("room", nodes, jump);
  };

  const drawHome = () => {
    const view = state.home;
    delete $("room-compose").dataset.key;
    $("room-compose").replaceChildren();
    fill("room", [el("div", { class: "home body" }, view ? blocks(ctx, view, view.blocks) : el("p", { class: "quiet" }, "Deputy has not made a home tab for you yet."))], true);
  };

  // Nodes that did not change stay where they are: focus, scroll and open menus survive the news.
  const sync = (list, nodes) => {
    const wanted = new Set(nodes);
    for (const child of [...list.childNodes]) if (!wanted.has(child)) child.remove();
    let at = list.firstChild;
    for (const node of nodes) { if (node === at) at = at.nextSibling; else list.insertBefore(node, at); }
  };
  const drawn = new Map();
  const kept = (place, item, extra, make) => {
    const key = `${place}/${item.ts}`;
    const sign = JSON.stringify([state.you, item, extra]);
    const old = drawn.get(key);
    if (old && old.sign === sign) return old.node;
    const node = make();
    drawn.set(key, { sign, node });
    return node;
  };

  const fill = (name, nodes, jump) => {
    const box = $(`${name}-scroll`);
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
    sync($(`${name}-list`), nodes.filter(Boolean));
    if (jump || atEnd) box.scrollTop = box.scrollHeight;
  };

  const repliesOf = (root) => all().filter((item) => item.thread_ts === root.ts && item.ts !== root.ts);
  const summary = (root) => {
    const found = repliesOf(root);
    if (!found.length) return null;
    const people = [...new Set(found.map((item) => item.user))].slice(-4);
    return el("button", { class: "replies", type: "button", onclick: () => visit(where.channel, root.ts) },
      people.map((id) => avatar(ctx.people.get(id))), el("b", {}, found.length === 1 ? "1 reply" : `${found.length} replies`),
      el("span", { class: "quiet" }, `last at ${clock(found[found.length - 1].ts)}`));
  };
  const withTools = (node, item) => {
    if (item.only_for) return node;
    const mine = item.user === state.you && !ctx.people.get(item.user).deleted;
    const root = isRoot(item);
    if (!mine && !root) return node;
    node.append(el("div", { class: "tools" },
      root ? el("button", { type: "button", onclick: () => visit(where.channel, item.ts) }, "Reply in thread") : null,
      mine ? el("button", { type: "button", onclick: () => editInPlace(node, item) }, "Edit") : null));
    return node;
  };
  // The words as they were typed: names for ids, no escapes.
  const typed = (item) => item.text.replace(/<([@#!])([^<>|]+)(?:\|([^<>]*))?>/g, (_, sign, target, label) => {
    const person = ctx.people.get(target);
    return sign === "@" ? `@${person && person.bot ? person.name : person ? person.handle : target}` : sign === "#" ? `#${label || ctx.channels.get(target)?.name || target}` : `@${target}`;
  }).replace(/<((?:https?|mailto):[^<>|]+)(?:\|[^<>]*)?>/g, "$1").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const editInPlace = (node, item) => {
    const body = node.querySelector(".body");
    const channel = where.channel;
    const input = el("textarea", { rows: "2", "aria-label": "Edit message" });
    const box = el("div", { class: "compose editing" }, input, el("div", { class: "foot" }, el("span", {}, "Enter saves, Escape leaves it as it was")));
    input.value = typed(item);
    input.addEventListener("keydown", async (event) => {
      if (event.key === "Escape") { event.stopPropagation(); box.replaceWith(body); }
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      const answer = await post("edit", { channel, ts: item.ts, text: input.value });
      if (answer.ok) box.replaceWith(body);
    });
    body.replaceWith(box);
    input.focus();
  };

  const drawThread = (jump) => {
    const root = where.thread && all().find((item) => item.ts === where.thread);
    const channel = ctx.channels.get(where.channel);
    $("thread").hidden = !root;
    document.body.classList.toggle("threaded", Boolean(root));
    if (!root) return;
    $("thread-head").replaceChildren(el("h1", {}, "Thread"), el("span", { class: "topic" }, channel.direct ? "with Deputy" : `#${channel.name}`),
      el("button", { class: "icon-button close", "aria-label": "Close thread", onclick: () => visit(where.channel) }, icon(CLOSE)));
    const found = repliesOf(root);
    drawComposer($("thread-compose"), where.channel, root.ts, "Reply…");
    fill("thread", [kept("thread", root, 0, () => withTools(message(ctx, root), root)), found.length ? el("div", { class: "day start" }, found.length === 1 ? "1 reply" : `${found.length} replies`) : "",
      ...found.map((item, index) => kept("thread", item, found[index - 1], () => withTools(message(ctx, item, found[index - 1]), item)))], jump);
  };

  // writing
  const drawComposer = (holder, channel, thread, placeholder) => {
    const key = `${state.you}/${channel}/${thread}`;
    if (holder.dataset.key === key) return;
    holder.dataset.key = key;
    const me = ctx.people.get(state.you);
    if (me.deleted) { holder.replaceChildren(el("p", { class: "locked" }, `${me.name}'s account is deactivated: it can read here, and nothing else.`)); return; }
    const input = el("textarea", { rows: "1", placeholder, "aria-label": placeholder });
    const send = el("button", { class: "send", type: "button", "aria-label": "Send", disabled: true }, icon(SEND));
    const box = el("div", { class: "compose" }, input, el("div", { class: "foot" }, el("span", {}, "Enter sends, Shift+Enter starts a line"), send));
    const suggest = Suggest(box, input);
    const resize = () => { input.style.height = "auto"; input.style.height = `${Math.min(input.scrollHeight, 220)}px`; send.disabled = !input.value.trim(); };
    input.value = drafts.get(key) || "";
    input.addEventListener("input", () => { drafts.set(key, input.value); resize(); suggest.update(); });
    input.addEventListener("keydown", (event) => {
      if (suggest.key(event)) return;
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); deliver(); }
    });
    const deliver = async () => {
      const text = input.value.trim();
      if (!text) return;
      if (text.startsWith("/") && thread) { toast("Slash commands do not work in threads, as in Slack."); return; }
      input.value = "";
      drafts.delete(key);
      resize();
      const answer = text.startsWith("/") ? await post("command", { channel, text }) : await post("say", { channel, text, thread });
      if (!answer.ok) { input.value = text; drafts.set(key, text); resize(); }
    };
    send.addEventListener("click", deliver);
    holder.replaceChildren(box);
    resize();
  };

  // What could follow an @ or a /: arrows choose, Tab or Enter takes.
  const Suggest = (box, input) => {
    let items = [];
    let at = 0;
    let start = 0;
    const list = el("ul", { class: "suggest", role: "listbox", hidden: true });
    const close = () => { items = []; list.remove(); };
    const take = (item) => {
      input.setRangeText(`${item.insert} `, start, input.selectionStart, "end");
      close();
      input.dispatchEvent(new Event("input"));
      input.focus();
    };
    const show = () => {
      list.hidden = false;
      list.replaceChildren(...items.map((item, index) => el("li", { role: "option", "aria-selected": String(index === at), onmousedown: (event) => { event.preventDefault(); take(item); } }, item.picture || "", el("span", {}, item.label, " ", el("small", {}, item.hint)))));
      box.append(list);
    };
    const update = () => {
      const before = input.value.slice(0, input.selectionStart);
      const name = before.match(/(?:^|\s)@([\w-]*)$/);
      at = 0;
      if (/^\/\S*( \S*)?$/.test(before)) {
        start = 0;
        items = COMMANDS.filter(([command]) => command.startsWith(before) && command !== before).map(([command, hint]) => ({ insert: command, label: command, hint }));
      } else if (name) {
        start = before.length - name[1].length - 1;
        const members = ctx.channels.get(where.channel).members.map((id) => ctx.people.get(id));
        const wanted = name[1].toLowerCase();
        items = members.filter((person) => person.name.toLowerCase().startsWith(wanted)).sort((a, b) => Number(b.bot) - Number(a.bot))
          .map((person) => ({ insert: `@${person.bot ? person.name : person.name.split(" ")[0]}`, label: person.name, hint: person.hint, picture: avatar(person) }));
      } else items = [];
      if (items.length) show(); else close();
    };
    const key = (event) => {
      if (!items.length) return false;
      if (event.key === "ArrowDown") at = (at + 1) % items.length;
      else if (event.key === "ArrowUp") at = (at - 1 + items.length) % items.length;
      else if (event.key === "Escape") { close(); event.stopPropagation(); return true; }
      else if (event.key === "Tab" || event.key === "Enter") { event.preventDefault(); take(items[at]); return true; }
      else return false;
      event.preventDefault();
      show();
      return true;
    };
    input.addEventListener("blur", close);
    return { update, key };
  };

  // modals
  const showViews = () => {
    const view = state.views[state.views.length - 1];
    if (!view) { if (shownView) Forms.done(); shownView = ""; return; }
    if (shownView === `${view.id}/${view.hash}`) return;
    shownView = `${view.id}/${view.hash}`;
    Forms.modal(ctx, view,
      async (values) => { const answer = await post("submit", { view: view.id, values }); if (!answer.errors) await load(); return answer.errors; },
      () => { shownView = ""; post("close", { view: view.id }); });
  };

  // news
  const apply = (news) => {
    if (news.kind === "views") { load(); return; }
    const list = state.messages[news.channel];
    const item = news.message;
    if (!list || (item.only_for && item.only_for !== state.you)) return;
    const at = list.findIndex((other) => other.ts === item.ts);
    if (news.kind === "deleted") { if (at >= 0) list.splice(at, 1); } else if (at >= 0) list[at] = item; else list.push(item);
    list.sort((a, b) => Number(a.ts) - Number(b.ts));
    if (news.kind === "posted" && news.channel !== where.channel && item.user !== state.you) unread.set(news.channel, (unread.get(news.channel) || 0) + 1);
    draw();
  };
  let tries = 0;
  const listen = () => {
    const socket = new WebSocket(`ws://${location.host}/page/live`);
    socket.onopen = () => { if (tries) load(); tries = 0; };
    socket.onmessage = (event) => apply(JSON.parse(event.data));
    socket.onclose = () => { tries += 1; if (tries === 2) toast("The playground has stopped. Waiting for it to come back…"); setTimeout(listen, Math.min(500 * tries, 4000)); };
  };

  addEventListener("hashchange", () => state && go());
  addEventListener("keydown", (event) => { if (event.key === "Escape" && !$("dialog").open && where.thread) visit(where.channel); });
  addEventListener("click", (event) => { if ($("you") && !$("you").contains(event.target) && $("you").querySelector(".menu")) togglePersonas(); });
  load().then(listen);
})();
