// What the page knows.
