// The exported page: every channel and thread, with files open where they are short.
"use strict";

(() => {
  const { el, message, day } = Render;
  const state = JSON.parse(document.getElementById("state").textContent);
  const ctx = {
    paper: true,
    you: "",
    people: new Map(state.people.map((person) => [person.id, person])),
    channels: new Map(state.channels.map((channel) => [channel.id, channel])),
    opened: new Map(),
    content: (file) => state.files[file.id] || "",
  };
  for (const list of Object.values(state.messages))
    for (const item of list) for (const file of item.files || []) ctx.opened.set(file.id, /\.(patch|diff)$/.test(file.name));
  const main = document.getElementById("paper");
  main.append(el("h1", {}, `${state.team}: the threads`), el("p", { class: "lead" }, "As they stood in the Deputy playground. This page needs nothing else."));
  for (const channel of state.channels) {
    const list = state.messages[channel.id];
    if (!list.length) continue;
    const who = channel.direct ? ctx.people.get(channel.members[0]).name : "";
    main.append(el("h2", {}, channel.name ? `#${channel.name}` : `Direct messages: ${who} and Deputy`));
    let talk = null; // messages without a thread share a sheet
    let before = null;
    for (const root of list.filter((item) => !item.thread_ts || item.thread_ts === item.ts)) {
      const replies = list.filter((item) => item.thread_ts === root.ts && item.ts !== root.ts);
      const heading = !before || day(before.ts) !== day(root.ts) ? el("div", { class: "day start" }, day(root.ts)) : "";
      if (replies.length || !talk || heading) main.append(talk = el("article", {}));
      talk.append(heading, message(ctx, root, talk.childElementCount ? before : null));
      before = root;
      if (!replies.length) continue;
      talk.append(el("div", { class: "thread" }, replies.map((item, index) => message(ctx, item, replies[index - 1]))));
      talk = null;
    }
  }
})();
