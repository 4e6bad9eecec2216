/* Keys: / searches, ? helps, g and a letter goes to a section, j and k walk through a list, Escape closes. None of them
   is heard while somebody types, nor together with Ctrl, Alt or the like, which belong to the browser. */
"use strict";

(() => {
    const help = document.getElementById("keys");
    const ROWS = "#result_list tbody tr, main table.stack tbody tr, main .rows > li";
    let going = 0;      // until when a letter behind g is waited for

    const writes = thing => thing.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

    const find = () => {
        const field = [...document.querySelectorAll("#searchbar, #find")].find(one => one.checkVisibility());
        if (field) {
            field.focus();
            field.select();
        }
        return Boolean(field);
    };

    const go = letter => {
        const link = document.querySelector(`#rail a[data-key="${CSS.escape(letter)}"]`);
        if (link)
            location.assign(link.href);
        return Boolean(link);
    };

    const walk = step => {
        const rows = [...document.querySelectorAll(ROWS)].filter(row => row.querySelector("a[href]"));
        if (!rows.length)
            return false;
        const now = rows.findIndex(row => row.contains(document.activeElement));
        const next = now < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(now + step, 0), rows.length - 1);
        rows[next].querySelector("a[href]").focus();
        rows[next].scrollIntoView({block: "nearest"});
        return true;
    };

    const tick = () => {
        const row = document.activeElement.closest("tr, li");
        const box = row && row.querySelector("input[type=checkbox]");
        if (box)
            box.click();
        return Boolean(box);
    };

    const open = () => {
        if (!help.open)
            help.showModal();
        return true;
    };

    const acts = {
        "/": find,
        "?": open,
        j: () => walk(1),
        k: () => walk(-1),
        x: tick,
        ".": () => {
            const live = document.getElementById("live-switch");
            live.click();
            return !live.hidden;
        },
        g: () => Boolean(going = Date.now() + 1500),
    };

    document.addEventListener("keydown", event => {
        const at = document.activeElement;
        if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented || event.key === "Shift")
            return;
        if (event.key === "Escape" && writes(at) && !help.open) {
            at.blur();
            return;
        }
        if (writes(at) || help.open)
            return;
        const waited = going > Date.now();
        going = 0;
        if (waited ? go(event.key) : acts[event.key] && acts[event.key]())
            event.preventDefault();
    });

    document.getElementById("keys-button").addEventListener("click", open);
    help.addEventListener("click", event => event.target === help && help.close());
})();
