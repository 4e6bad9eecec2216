/* Keeps the regions that {% live %} marks up to date: every five seconds one request for all of them, while the page is
   in sight and the header's switch is on. What is being typed into stays as it is; what was unfolded stays unfolded. */
"use strict";

(() => {
    const EVERY = 5000;
    const PAUSED = "ekiden-live-paused";
    const button = document.getElementById("live-switch");
    const all = () => [...document.querySelectorAll("[data-live]")];

    const paused = () => localStorage.getItem(PAUSED) === "yes";
    const typing = region => {
        const at = document.activeElement;
        const selected = document.getSelection();
        return region.contains(at) && at.matches("input:not([type=checkbox], [type=radio]), select, textarea")
            || !selected.isCollapsed && region.contains(selected.anchorNode)
            || region.querySelector("input:checked:not(:disabled)[type=checkbox]") !== null;
    };

    const say = (state, words) => {
        if (!button)
            return;
        button.dataset.state = state;
        button.setAttribute("aria-pressed", String(state !== "paused"));
        button.title = words;
        button.querySelector("span").textContent = button.dataset[state];
    };
    const show = () => {
        if (!button)
            return;
        button.hidden = all().length === 0;
        say(paused() ? "paused" : "on", paused() ? button.dataset.resume : button.dataset.pause);
    };

    /* Where the reader is, said so that it can be found again in the new region: the same kind of thing, the same words. */
    const name = thing => `${thing.tagName}|${thing.getAttribute("href") || thing.value || ""}|${thing.textContent.trim().slice(0, 60)}`;
    let open = new Map();
    let focus = null;
    const remember = () => {
        open = new Map(all().map(region => [
            region.id, [...region.querySelectorAll("details")].map(one => [name(one.firstElementChild), one.open]),
        ]));
        const at = document.activeElement;
        const region = at.closest("[data-live]");
        focus = region && at !== region ? [region.id, name(at)] : null;
    };
    const recall = region => {
        const before = open.get(region.id) || [];
        for (const one of region.querySelectorAll("details")) {
            const known = before.find(([words]) => words === name(one.firstElementChild));
            if (known)
                one.open = known[1];
        }
        if (focus && focus[0] === region.id && !region.contains(document.activeElement)) {
            const same = [...region.querySelectorAll("a, button, summary, input")].find(one => name(one) === focus[1]);
            if (same)
                same.focus({preventScroll: true});
        }
    };

    /* What is asked for while an answer is under way would be lost with the region that it replaces. */
    let asking = null;
    let missed = false;
    document.addEventListener("htmx:beforeSend", event => {
        if (event.detail.elt.matches("[data-live]"))
            asking = event.detail.xhr;
    });
    document.addEventListener("htmx:afterRequest", event => {
        if (event.detail.xhr === asking)
            asking = null;
    });

    const tick = () => {
        missed = asking !== null;
        if (missed || document.visibilityState !== "visible" || paused())
            return;
        const regions = all().filter(region => !typing(region));
        if (!regions.length)
            return;
        const [first, ...others] = regions;
        const counts = document.querySelectorAll("#rail .count");
        const beside = [...others, ...counts].map(one => `#${one.id}`).join(",");
        if (beside)
            first.setAttribute("hx-select-oob", beside);
        else
            first.removeAttribute("hx-select-oob");
        htmx.trigger(first, "ekiden:live");
    };

    document.addEventListener("htmx:beforeSwap", event => {
        const {xhr, target} = event.detail;
        if (!target.matches("[data-live]"))
            return;
        if (new URL(xhr.responseURL, location.href).pathname !== location.pathname) {
            event.detail.shouldSwap = false;    // logged out: the answer is the login page
            location.reload();
            return;
        }
        const answer = new DOMParser().parseFromString(xhr.responseText, "text/html");
        if (xhr.status === 200 && !answer.getElementById(target.id)) {
            event.detail.shouldSwap = false;    // the region has ended, and the page is another one now
            location.reload();
            return;
        }
        if (typing(target))
            event.detail.shouldSwap = false;
        remember();
    });
    document.addEventListener("htmx:oobBeforeSwap", event => {
        if (event.detail.target.matches("[data-live]") && typing(event.detail.target))
            event.detail.shouldSwap = false;
    });
    /* Django's script for ticked rows knows those that it has found; new ones are told to it when somebody turns to them. */
    let stale = false;
    const tell = event => {
        // A list that was empty has no acts to choose from, and Django's script would look for them in vain.
        if (!stale || !window.Actions || !event.target.closest("#changelist-form:has(button[name=index])"))
            return;
        stale = false;
        window.Actions(document.querySelectorAll("tr input.action-select"));
    };
    document.addEventListener("pointerdown", tell, true);
    document.addEventListener("focusin", tell, true);

    document.addEventListener("htmx:afterSettle", () => {
        stale = document.querySelector("input.action-select") !== null;
        all().forEach(recall);
        show();
        document.body.dispatchEvent(new CustomEvent("ekiden:refreshed"));
        if (missed && !asking)
            tick();
    });
    for (const trouble of ["htmx:sendError", "htmx:responseError", "htmx:timeout"])
        document.addEventListener(trouble, () => button && say("lost", button.dataset.lostHint));

    if (button)
        button.addEventListener("click", () => {
            localStorage.setItem(PAUSED, paused() ? "no" : "yes");
            show();
            tick();
        });
    document.addEventListener("visibilitychange", tick);
    document.body.addEventListener("ekiden:refresh", tick);
    setInterval(tick, EVERY);
    show();
})();
