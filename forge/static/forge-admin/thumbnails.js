/* Replaces thumbnails that do not load by a sentence. */
(() => {
  'use strict';
  const replace = (image) => {
    const sentence = document.createElement('span');
    sentence.className = 'forge-missing';
    sentence.textContent = `The file of ${image.alt} is missing or cannot be read.`;
    image.replaceWith(sentence);
  };
  const isThumbnail = (node) => node instanceof HTMLImageElement && node.classList.contains('forge-thumbnail');
  // Errors of images do not bubble, and may come before the document is parsed.
  document.addEventListener('error', (event) => isThumbnail(event.target) && replace(event.target), true);
})();
