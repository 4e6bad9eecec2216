/* The list of jobs: a filter applies as soon as it is chosen, and the boxes of a list that was fetched anew can be ticked. */
"use strict";

(() => {
    const filters = document.getElementById("job-filters");
    if (filters)
        filters.addEventListener("change", event => {
            if (event.target.matches("select"))
                filters.requestSubmit();
        });

    const wire = () => {
        const boxes = document.querySelectorAll("#job-results tr input.action-select");
        if (boxes.length && window.Actions && !boxes[0].dataset.wired
                && document.querySelector("#changelist-form button[name=index]")) {
            boxes[0].dataset.wired = "yes";
            window.Actions(boxes);
        }
    };
    const first = document.querySelector("#job-results tr input.action-select");
    if (first)
        first.dataset.wired = "yes";        // Django's own script has seen these
    document.body.addEventListener("ekiden:refreshed", wire);
})();
