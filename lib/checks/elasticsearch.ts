export { SearchCheck, SearchCheck as default, type SearchOptions } from '../clients/search.js'
