// Dialogs: a button's confirmation, and the app's modals.
"use strict";

const Forms = (() => {
  const { el, words, blocks } = Render;
  const dialog = () => document.getElementById("dialog");
  const show = (node) => { dialog().replaceChildren(node); if (!dialog().open) dialog().showModal(); };

  // Resolves to whether the person went ahead.
  const confirm = (ctx, spec) => new Promise((resolve) => {
    const end = (answer) => { dialog().close(); resolve(answer); };
    dialog().oncancel = () => resolve(false);
    show(el("div", { class: "inner" }, el("h2", {}, spec.title.text), el("div", { class: "body" }, words(ctx, spec.text)),
      el("div", { class: "foot" },
        el("button", { class: "button", type: "button", onclick: () => end(false) }, spec.deny.text),
        el("button", { class: `button ${spec.style || "primary"}`, type: "button", autofocus: true, onclick: () => end(true) }, spec.confirm.text))));
  });

  const options = (element) => (element.options || []).map((option) => el("option", { value: option.value }, option.text.text));
  const field = (ctx, element) => {
    const hint = element.placeholder ? element.placeholder.text : "";
    switch (element.type) {
      case "plain_text_input": {
        const input = element.multiline ? el("textarea", { rows: "4", placeholder: hint }) : el("input", { type: "text", placeholder: hint });
        input.value = element.initial_value || "";
        return { node: input, read: () => ({ type: element.type, value: input.value || null }) };
      }
      case "static_select": case "external_select": {
        const input = el("select", {}, options(element));
        if (element.initial_option) input.value = element.initial_option.value;
        return { node: input, read: () => ({ type: element.type, selected_option: (element.options || []).find((option) => option.value === input.value) || null }) };
      }
      case "users_select": {
        const input = el("select", {}, [...ctx.people.values()].filter((person) => !person.bot).map((person) => el("option", { value: person.id }, person.name)));
        return { node: input, read: () => ({ type: element.type, selected_user: input.value }) };
      }
      case "checkboxes": case "radio_buttons": {
        const kind = element.type === "checkboxes" ? "checkbox" : "radio";
        const boxes = (element.options || []).map((option) => el("input", { type: kind, name: element.action_id || "choice", value: option.value }));
        const node = el("fieldset", {}, boxes.map((box, index) => el("label", {}, box, element.options[index].text.text)));
        const picked = () => (element.options || []).filter((_, index) => boxes[index].checked);
        return { node, read: () => (kind === "checkbox" ? { type: element.type, selected_options: picked() } : { type: element.type, selected_option: picked()[0] || null }) };
      }
      default: return { node: el("span", { class: "badge" }, element.type), read: () => ({ type: element.type }) };
    }
  };

  // Shows a modal; `submit(values)` answers errors by block id, or nothing when it is done with.
  const modal = (ctx, view, submit, close) => {
    const readers = [];
    const parts = view.blocks.map((item) => {
      if (item.type !== "input") return el("div", { class: "body" }, blocks(ctx, view, [item]));
      const made = field(ctx, item.element);
      const wrong = el("p", { class: "wrong" });
      readers.push({ block: item.block_id || "", action: item.element.action_id || "", read: made.read, wrong });
      return el("div", {}, el("label", {}, item.label.text, made.node), item.hint ? el("p", { class: "hint" }, item.hint.text) : null, wrong);
    });
    const send = async (event) => {
      event.preventDefault();
      const values = {};
      for (const reader of readers) values[reader.block] = { ...values[reader.block], [reader.action]: reader.read() };
      const errors = await submit(values);
      for (const reader of readers) reader.wrong.textContent = (errors && errors[reader.block]) || "";
    };
    dialog().oncancel = close;
    show(el("form", { class: "inner", onsubmit: send }, el("h2", {}, view.title.text), parts,
      el("div", { class: "foot" },
        el("button", { class: "button", type: "button", onclick: () => { dialog().close(); close(); } }, view.close ? view.close.text : "Cancel"),
        view.submit ? el("button", { class: "button primary", type: "submit" }, view.submit.text) : null)));
  };
  const done = () => { if (dialog().open) dialog().close(); };
  return { confirm, modal, done };
})();
