/* Completes names of fields and values while one types a query. Without this the box is a box. */
"use strict";

(() => {
    const WAIT = 120;
    const box = document.getElementById("searchbar");
    const list = document.createElement("ul");
    let offered = [];
    let active = -1;
    let waiting;
    let asked = 0;

    list.id = "completions";
    list.className = "completions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "What may come here");
    box.after(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]])
        box.setAttribute(name, value);

    function close() {
        // An answer that is still on its way comes too late.
        asked++;
        clearTimeout(waiting);
        offered = [];
        active = -1;
        list.hidden = true;
        list.replaceChildren();
        box.setAttribute("aria-expanded", "false");
        box.removeAttribute("aria-activedescendant");
    }

    function piece(name, text, className) {
        const made = document.createElement(name);
        made.textContent = text;
        made.className = className;
        return made;
    }

    function option(completion, place) {
        const made = piece("li", "", "");
        made.id = `completion-${place}`;
        made.setAttribute("role", "option");
        made.setAttribute("aria-selected", "false");
        made.append(piece("code", completion.label, ""), piece("span", completion.help, "quiet"));
        return made;
    }

    function show(completions) {
        if (!completions.length) {
            close();
            return;
        }
        offered = completions;
        active = -1;
        box.removeAttribute("aria-activedescendant");
        list.replaceChildren(...completions.map(option));
        list.hidden = false;
        box.setAttribute("aria-expanded", "true");
    }

    function mark(place) {
        list.children[active]?.setAttribute("aria-selected", "false");
        active = place;
        const chosen = list.children[active];
        if (!chosen) {
            box.removeAttribute("aria-activedescendant");
            return;
        }
        chosen.setAttribute("aria-selected", "true");
        chosen.scrollIntoView({block: "nearest"});
        box.setAttribute("aria-activedescendant", chosen.id);
    }

    function take(completion) {
        // Behind a value comes the next condition; behind the name of a field, its value.
        const name = completion.text.endsWith(":") || completion.text.endsWith(".");
        // The server counts characters, not the halves that a string has of the rarer ones.
        const letters = Array.from(box.value);
        const behind = letters.slice(completion.end).join("");
        const space = name || /^[\s)\]}]/.test(behind) ? "" : " ";
        const before = letters.slice(0, completion.start).join("") + completion.text + space;
        box.value = before + behind;
        box.setSelectionRange(before.length, before.length);
        close();
        if (name)
            ask();
    }

    async function ask() {
        const mine = ++asked;
        const query = new URLSearchParams({q: box.value, at: Array.from(box.value.slice(0, box.selectionStart)).length});
        try {
            const answer = await fetch(`${box.dataset.complete}?${query}`, {headers: {Accept: "application/json"}, redirect: "error"});
            const {completions} = await answer.json();
            // Answers may overtake each other.
            if (mine === asked)
                show(completions);
        } catch {
            // Whoever is logged out, or types while the server is away, types on without.
            if (mine === asked)
                close();
        }
    }

    function later() {
        clearTimeout(waiting);
        waiting = setTimeout(ask, WAIT);
    }

    box.addEventListener("input", later);
    box.addEventListener("blur", close);
    box.addEventListener("keydown", event => {
        if (event.isComposing)
            return;
        const count = offered.length;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (!count)
                ask();
            else if (event.key === "ArrowDown")
                mark(active + 1 < count ? active + 1 : 0);
            else
                mark(active > 0 ? active - 1 : count - 1);
        } else if (event.key === "Enter" && active >= 0) {
            event.preventDefault();
            take(offered[active]);
        } else if (event.key === "Escape" && count) {
            event.preventDefault();
            close();
        } else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
            close();
        }
    });
    // Before the box loses the focus.
    list.addEventListener("pointerdown", event => {
        event.preventDefault();
        const chosen = event.target.closest("li");
        if (chosen)
            take(offered[[...list.children].indexOf(chosen)]);
    });
})();
