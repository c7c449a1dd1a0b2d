// The reader's language: names on the map are taken in it where the data has
// them. Two letters, as in the attribute `name:de`.
export const language = (navigator.language || 'en').slice(0, 2);
