/* Shows the next times of an interval as one types. Without this the button Preview does it. */
"use strict";

(() => {
    const WAIT = 250;
    const FIELDS = ["kind", "expression", "timezone", "seconds", "starts_at", "ends_at"];
    const form = document.querySelector("form.editor");
    const panel = document.getElementById("preview");
    const shown = panel.querySelector(".shown");
    let waiting;
    let asked = 0;

    function element(name, text, className = "") {
        const made = document.createElement(name);
        made.textContent = text;
        made.className = className;
        return made;
    }

    function row(cell, texts) {
        const made = document.createElement("tr");
        made.append(...texts.map((text, place) => element(cell, text, place && cell === "td" ? "quiet" : "")));
        return made;
    }

    function table(preview) {
        const made = element("table", "", "times");
        const scroll = element("div", "", "scroll");
        const isUtc = preview.zone === "UTC";
        const columns = time => isUtc ? [time.local, time.away] : [time.local, time.utc, time.away];
        made.createTHead().append(row("th", isUtc ? ["UTC", "In"] : [preview.zone, "UTC", "In"]));
        made.createTBody().append(...preview.times.map(time => row("td", columns(time))));
        scroll.append(made);
        return scroll;
    }

    function show(preview) {
        const wrong = Object.values(preview.errors).flat();
        if (wrong.length) {
            const list = element("ul", "", "errorlist");
            list.append(...wrong.map(text => element("li", text)));
            shown.replaceChildren(list);
            return;
        }
        const times = preview.times.length ? table(preview) : element("p", "No time is to come.", "note");
        shown.replaceChildren(element("p", preview.words, "words"), times);
    }

    async function refresh() {
        const mine = ++asked;
        const data = new FormData(form);
        const query = new URLSearchParams(FIELDS.map(name => [name, data.get(name) ?? ""]));
        try {
            const answer = await fetch(`${panel.dataset.url}?${query}`, {headers: {Accept: "application/json"}, redirect: "error"});
            const preview = await answer.json();
            // Answers may overtake each other.
            if (mine === asked)
                show(preview);
        } catch {
            if (mine === asked)
                shown.replaceChildren(element("p", "The times could not be fetched: use the button Preview.", "note"));
        }
    }

    form.addEventListener("input", event => {
        if (FIELDS.includes(event.target.name)) {
            clearTimeout(waiting);
            waiting = setTimeout(refresh, WAIT);
        }
    });
    // What was typed before this was loaded, or kept by the browser from the last time.
    refresh();
})();
