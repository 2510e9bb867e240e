//! What a page must hold, whatever it is made of.
