mod architecture;
mod docs;
mod extract;
mod load;
mod readme;
